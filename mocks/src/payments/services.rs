//! INIT, QUERY and GET_BILL (docs/partners/dvcqg-payment.md, 2.4, 2.7, 2.8).

use super::{
    Payments, messages,
    state::{Reference, Standing},
};
use crate::{
    journal::Effect,
    request::{Answer, Content, Incoming, encode},
    runtime::lock,
    shape::{Field, check, text},
    sign,
    simulator::Reply,
};
use serde_json::{Value, json};

impl Payments {
    /// Method, content type, bearer, shape and signature; `Some` = the request ends here.
    fn check_message(&self, incoming: &Incoming, shape: &[Field]) -> Result<(), Reply> {
        let body = &incoming.json;
        let bearer = self.options.bearer.as_ref().map(|token| format!("Bearer {token}"));
        if bearer.is_some() && incoming.header("authorization") != bearer.as_deref() {
            return Err(Reply::new(Answer::json(401, json!({"error": "unauthorized"})), Effect::None));
        }
        let mut out = Vec::new();
        if incoming.method != "POST" {
            out.push("method: must be POST".to_owned());
        }
        if !incoming.is_json() {
            out.push("Content-Type: must be application/json".to_owned());
        }
        check("", body, shape, &mut out);
        if text(body, "MaDoiTac") != self.options.partner_code {
            out.push(format!("MaDoiTac: {:?} is not registered", text(body, "MaDoiTac")));
        }
        if text(body, "LoaiBanTin") == "INIT" {
            messages::init_semantics(body, &mut out);
        }
        let expected = messages::request_signature(body, &self.options.secret);
        let is_signed = sign::same(text(body, "MaXacThuc"), &expected);
        let code = if is_signed { &self.options.other_code } else { &self.options.signature_code };
        if !is_signed {
            out.push("MaXacThuc: wrong signature".to_owned());
        }
        if out.is_empty() {
            return Ok(());
        }
        let answer = self.refuse(code, &format!("Dữ liệu không hợp lệ: {}", out.join("; ")), body);
        Err(Reply::violated(answer, out))
    }

    pub(super) fn init(&self, incoming: &Incoming) -> Reply {
        if let Err(reply) = self.check_message(incoming, messages::INIT) {
            return reply;
        }
        let body = &incoming.json;
        let reference = text(body, "MaThamChieu");
        let fingerprint = sign::sha256_hex(body.to_string().as_bytes());
        let mut state = lock(&self.state);
        if let Some(known) = state.get_mut(reference) {
            let conflict = &self.options.conflict_code;
            if known.fingerprint != fingerprint {
                let rule = "MaThamChieu: was used before with other content";
                return Reply::violated(
                    self.refuse(conflict, "Mã tham chiếu đã được sử dụng", body),
                    vec![rule.to_owned()],
                );
            }
            known.inits += 1;
            if known.standing != Standing::Open {
                return Reply::new(self.refuse(conflict, "Giao dịch đã kết thúc", body), Effect::None);
            }
            let answer = self.opened(&known.pay_url, body);
            state.counts.repeated_inits += 1;
            return Reply::new(answer, Effect::Repeated);
        }
        let info = body.get("ThongTinBienLai").unwrap_or(&Value::Null);
        let pay_url = format!("{}/pay/{}", self.public_url, encode(reference));
        let answer = self.opened(&pay_url, body);
        state.open(Reference {
            reference: reference.to_owned(),
            amount: text(body, "SoTien").parse().unwrap_or(0),
            beneficiary_account: text(info, "TKThuHuong").to_owned(),
            dossier: text(info, "MaHoSo").to_owned(),
            content: text(info, "NoiDungThanhToan").to_owned(),
            description: text(body, "ThongTinGiaoDich").to_owned(),
            opened_at: text(body, "ThoiGianGD").to_owned(),
            inits: 1,
            standing: Standing::Open,
            transaction: None,
            settled_at: None,
            pay_url,
            callbacks_sent: 0,
            callbacks_acknowledged: 0,
            fingerprint,
        });
        Reply::new(answer, Effect::Created)
    }

    fn opened(&self, pay_url: &str, body: &Value) -> Answer {
        self.wrap(json!({"MaLoi": "00", "MoTaLoi": "Thành công", "MaDoiTac": body.get("MaDoiTac"),
            "MaThamChieu": body.get("MaThamChieu"), "UrlThanhToan": pay_url}))
    }

    pub(super) fn query(&self, incoming: &Incoming) -> Reply {
        if let Err(reply) = self.check_message(incoming, messages::QUERY) {
            return reply;
        }
        let body = &incoming.json;
        let state = lock(&self.state);
        let Some(known) = state.get(text(body, "MaThamChieu")) else {
            return Reply::new(
                self.refuse(&self.options.unknown_code, "Không tìm thấy giao dịch", body),
                Effect::None,
            );
        };
        if known.opened_at != text(body, "ThoiGianGD") {
            return self.wrong_time(known, body);
        }
        let mut result = self.result("QUERY", known, known.amount, "00");
        // 3 = the platform does not know the final state; an unpaid reference is that, too [GUESS].
        let standing = match known.standing {
            Standing::Paid => "1",
            Standing::Open => "3",
            Standing::Failed => "4",
        };
        result["MoTaLoi"] = json!("Thành công");
        result["TrangThaiGD"] = json!(standing);
        Reply::new(self.wrap(result), Effect::None)
    }

    pub(super) fn bill(&self, incoming: &Incoming) -> Reply {
        if let Err(reply) = self.check_message(incoming, messages::GET_BILL) {
            return reply;
        }
        let body = &incoming.json;
        let state = lock(&self.state);
        let Some(known) = state.get(text(body, "MaThamChieu")) else {
            return Reply::new(
                self.refuse(&self.options.unknown_code, "Không tìm thấy giao dịch", body),
                Effect::None,
            );
        };
        // One client repeats the INIT's time, the other the callback's (section 2.8).
        let time = text(body, "ThoiGianGD");
        if known.opened_at != time && known.settled_at.as_deref() != Some(time) {
            return self.wrong_time(known, body);
        }
        if known.standing != Standing::Paid {
            return Reply::new(
                self.refuse(&self.options.unpaid_code, "Giao dịch chưa thanh toán", body),
                Effect::None,
            );
        }
        if self.options.bill_as_pdf {
            return Reply::new(pdf(&known.reference), Effect::None);
        }
        let url = format!("{}/receipt/{}", self.public_url, encode(&known.reference));
        let answer = json!({"MaLoi": "00", "MoTaLoi": "Thành công", "MaDoiTac": body.get("MaDoiTac"),
            "MaThamChieu": known.reference, "UrlBienLai": url});
        Reply::new(self.wrap(answer), Effect::None)
    }

    fn wrong_time(&self, known: &Reference, body: &Value) -> Reply {
        let rule =
            format!("ThoiGianGD: {:?} is not {:?} of the INIT", text(body, "ThoiGianGD"), known.opened_at);
        Reply::violated(
            self.refuse(&self.options.mismatch_code, "Thời gian giao dịch không khớp", body),
            vec![rule],
        )
    }

    /// The signed fields of a callback, shared by the answer to QUERY (section 2.6).
    pub(super) fn result(&self, kind: &str, known: &Reference, amount: u64, code: &str) -> Value {
        let bank = if known.transaction.is_some() { self.options.bank.as_str() } else { "" };
        let mut result = json!({"LoaiBanTin": kind, "MaLoi": code, "MaDoiTac": self.options.partner_code,
            "MaThamChieu": known.reference, "SoTien": amount, "MaTienTe": "VND",
            "MaGiaoDich": known.transaction.as_deref().unwrap_or_default(), "MaNganHang": bank,
            "ThoiGianGD": known.settled_at.as_ref().unwrap_or(&known.opened_at),
            "ThongTinGiaoDich": known.description});
        result["MaXacThuc"] = json!(messages::result_signature(&result, &self.options.secret));
        result
    }

    pub(super) fn refuse(&self, code: &str, message: &str, body: &Value) -> Answer {
        self.wrap(json!({"MaLoi": code, "MoTaLoi": message, "MaDoiTac": body.get("MaDoiTac"),
            "MaThamChieu": body.get("MaThamChieu")}))
    }

    fn wrap(&self, answer: Value) -> Answer {
        if self.options.adapter_envelope {
            Answer::json(200, json!({"error_code": "0", "message": answer.to_string()}))
        } else {
            Answer::json(200, answer)
        }
    }
}

/// The smallest thing that a content sniffer takes for a PDF.
pub(super) fn pdf(reference: &str) -> Answer {
    let bytes = format!("%PDF-1.4\n% Bien lai {reference}\n%%EOF\n").into_bytes();
    Answer { status: 200, content: Content::Pdf(bytes), retry_after: None }
}

//! The portal's services: login, catalogue, look-up, dossiers, steps, statuses of born dossiers.

use super::{DstcodeIn, Portal, shapes};
use crate::{
    journal::Effect,
    request::{Answer, Incoming},
    runtime::lock,
    shape::{check, text},
    simulator::Reply,
};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// OpenCPS sends one step, TD chunks of ten; nobody sends more (docs/partners/dvcqg.md, 6, 10.6).
const MAX_STEPS: usize = 10;

impl Portal {
    /// What the adapter in front of the portal demands of every request.
    pub(super) fn check_transport(&self, incoming: &Incoming) -> Vec<String> {
        let mut out = Vec::new();
        if incoming.method != "POST" {
            out.push("method: must be POST".to_owned());
        }
        if !incoming.is_json() {
            out.push("Content-Type: must be application/json".to_owned());
        }
        if !incoming.json.is_object() {
            out.push("body: must be a JSON object".to_owned());
        }
        let (query, header) = (incoming.param("dstcode"), incoming.header("dstcode"));
        let dstcode = match self.options.dstcode_in {
            DstcodeIn::Either => query.or(header),
            DstcodeIn::Query => query,
            DstcodeIn::Header => header,
        };
        if dstcode != Some(self.options.dstcode.as_str()) {
            out.push(format!("dstcode: {dstcode:?} is not {:?}", self.options.dstcode));
        }
        out
    }

    pub(super) fn login(&self, body: &Value) -> Reply {
        let mut out = Vec::new();
        check("", body, shapes::LOGIN, &mut out);
        if !out.is_empty() {
            return self.violated(out);
        }
        if text(body, "username") != self.options.username || text(body, "password") != self.options.password
        {
            return Reply::new(refuse("-1", "Sai tên đăng nhập hoặc mật khẩu"), Effect::None);
        }
        let session = lock(&self.sessions).open(self.options.session_ttl);
        lock(&self.state).counts.logins += 1;
        let code = self.success_code();
        let answer = json!({"error_code": code, "message": "Đăng nhập thành công", "session": session});
        Reply::new(Answer::json(200, answer), Effect::Session)
    }

    pub(super) fn data(&self, service: &str, body: &Value) -> Reply {
        let Some(shape) = shapes::of(service) else {
            return self.violated(vec![format!("service: {service:?} is not a service")]);
        };
        let session = text(body, "session");
        if !session.is_empty() && !lock(&self.sessions).is_alive(session) {
            let Self { options, .. } = self;
            let answer = refuse(&options.session_error_code, &options.session_error_message);
            return Reply::new(answer, Effect::None);
        }
        let mut out = Vec::new();
        check("", body, shape, &mut out);
        if self.options.madonvi.as_deref().is_some_and(|unit| unit != text(body, "madonvi")) {
            out.push(format!("madonvi: {:?} is not the unit of this account", text(body, "madonvi")));
        }
        self.carry_out(service, body, out)
    }

    /// The service itself, behind session and envelope; `out`: the rules broken so far.
    pub(super) fn carry_out(&self, service: &str, body: &Value, mut out: Vec<String>) -> Reply {
        semantics(service, body, &mut out);
        if !out.is_empty() {
            return self.violated(out);
        }
        match service {
            "LayDanhSachTTHC" => self.read(lock(&self.catalogue).all()),
            "LayThuTuc" => self.read(lock(&self.catalogue).one(text(body, "maTTHC"))),
            "LayDVC" => self.read(lock(&self.catalogue).services()),
            "TraCuuTechID" => {
                let account = (self.options.account_of)(text(body, "mstorcmnd"));
                let rows: Vec<Value> = account.iter().map(|a| json!({"TECHNICALID": a})).collect();
                self.read(json!(rows))
            }
            "TraCuuHoSo" => self.look_up(text(body, "mahoso")),
            "DongBoHoSoMC" => self.sync(body),
            "CapNhatTienDoHoSoMC" => self.progress(body),
            "DongBoTrangThaiHoSo" => self.born_status(body),
            other => match lock(&self.catalogue).other(other) {
                Some(rows) => self.read(rows),
                None => Reply::new(refuse("-1", &format!("Không có dịch vụ {other}")), Effect::None),
            },
        }
    }

    /// \[GUESS\] The row's fields: no client reads them, only whether there is a row.
    fn look_up(&self, code: &str) -> Reply {
        let state = lock(&self.state);
        let known = state.dossiers.get(code);
        if known.is_none() && !(self.options.portal_born)(code) {
            return self.read(json!([]));
        }
        let last = known.map_or(&Value::Null, |known| &known.last);
        let status = last.get("TrangThaiHoSo").cloned().unwrap_or_else(|| json!("1"));
        self.read(json!([{"MAHOSO": code, "MATTHC": text(last, "MaTTHC"), "TRANGTHAIHOSO": status}]))
    }

    fn sync(&self, body: &Value) -> Reply {
        let dossier = body.pointer("/data/0").unwrap_or(&Value::Null);
        let code = text(dossier, "MaHoSo");
        let is_create = text(body, "isUpdating") == "False";
        let mut state = lock(&self.state);
        let is_known = state.dossiers.contains_key(code) || (self.options.portal_born)(code);
        if is_create && is_known {
            return Reply::new(refuse("-3", &format!("Hồ sơ {code} đã tồn tại")), Effect::None);
        }
        if !is_create && !is_known {
            return Reply::new(refuse("-1", &format!("Không tìm thấy hồ sơ {code}")), Effect::None);
        }
        state.sync(code, dossier, is_create);
        if is_create {
            self.done("Đồng bộ hồ sơ thành công", Effect::Created)
        } else {
            self.done("Cập nhật hồ sơ thành công", Effect::Updated)
        }
    }

    fn progress(&self, body: &Value) -> Reply {
        let steps = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let code = steps.first().map_or("", |step| text(step, "MaHoSo"));
        let mut state = lock(&self.state);
        if !state.dossiers.contains_key(code) && !(self.options.portal_born)(code) {
            return Reply::new(refuse("-1", &format!("Không tìm thấy hồ sơ {code}")), Effect::None);
        }
        for step in steps {
            state.step(code, step);
        }
        self.done("Cập nhật tiến độ hồ sơ thành công", Effect::Appended)
    }

    fn born_status(&self, body: &Value) -> Reply {
        let status = body.get("data").unwrap_or(&Value::Null);
        let code = text(status, "MaHoSo");
        if !(self.options.portal_born)(code) {
            return Reply::new(refuse("-1", &format!("Không tìm thấy hồ sơ {code}")), Effect::None);
        }
        lock(&self.state).status(code, status);
        self.done("Đồng bộ trạng thái hồ sơ thành công", Effect::Appended)
    }

    /// The three spellings of success that clients have met, in turn.
    fn success_code(&self) -> Value {
        match self.successes.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => json!("0"),
            1 => json!(0),
            _ => json!("00"),
        }
    }

    fn read(&self, rows: Value) -> Reply {
        Reply::new(
            Answer::json(200, json!({"error_code": self.success_code(), "result": rows})),
            Effect::None,
        )
    }

    fn done(&self, message: &str, effect: Effect) -> Reply {
        Reply::new(Answer::json(200, json!({"error_code": self.success_code(), "message": message})), effect)
    }

    pub(super) fn violated(&self, violations: Vec<String>) -> Reply {
        let message = format!("Dữ liệu không hợp lệ: {}", violations.join("; "));
        Reply::violated(refuse(&self.options.refusal_code, &message), violations)
    }
}

pub(super) fn refuse(code: &str, message: &str) -> Answer {
    Answer::json(200, json!({"error_code": code, "message": message}))
}

/// Rules that need more than one field.
fn semantics(service: &str, body: &Value, out: &mut Vec<String>) {
    let data = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match service {
        "DongBoHoSoMC" => {
            if data.len() > 1 {
                out.push(format!("data: has {} dossiers, one is allowed", data.len()));
            }
            for (index, dossier) in data.iter().enumerate() {
                dossier_semantics(index, dossier, out);
            }
        }
        "CapNhatTienDoHoSoMC" => {
            if data.len() > MAX_STEPS {
                out.push(format!("data: has {} steps, at most {MAX_STEPS} are allowed", data.len()));
            }
            let code = data.first().map_or("", |step| text(step, "MaHoSo"));
            if data.iter().any(|step| text(step, "MaHoSo") != code) {
                out.push("data: steps of more than one dossier".to_owned());
            }
        }
        "DongBoTrangThaiHoSo" => {
            check("data", body.get("data").unwrap_or(&Value::Null), shapes::BORN_STATUS, out);
        }
        _ => {}
    }
}

fn dossier_semantics(index: usize, dossier: &Value, out: &mut Vec<String>) {
    let status = text(dossier, "TrangThaiHoSo");
    if dossier.get("NgayTiepNhan") == Some(&json!("")) && !["1", "3", "7"].contains(&status) {
        out.push(format!("data[{index}].NgayTiepNhan: must not be empty in status {status}"));
    }
    let people = dossier.get("DinhDanhCHS").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (at, person) in people.iter().enumerate() {
        let number = text(person, "SoDinhDanh");
        let length = match text(person, "LoaiDinhDanh") {
            "1" => 12,
            "2" => 9,
            _ => continue,
        };
        if number.len() != length || !number.bytes().all(|b| b.is_ascii_digit()) {
            out.push(format!("data[{index}].DinhDanhCHS[{at}].SoDinhDanh: must be {length} digits"));
        }
    }
}

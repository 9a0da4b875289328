//! The platform's callbacks: what is believed, what it tells, and the answer the platform expects
//! (docs/partners/dvcqg-payment.md, 2.6).

use jiff::Timestamp;
use lienthong_core::{
    id::Reference,
    payment::{News, Tiding},
    port::connector::{CallbackAnswer, CallbackRequest, CallbackResult, Callbacks, Verified},
};

use super::{
    DvcqgPayment,
    classify::{OK, amount, moment},
    config::Config,
    sign,
    wire::{Receipt, Report},
};
use crate::http::masked;

/// "Các lỗi khác": everything that is not success.
const OTHER: &str = "99";

/// A signed answer to QUERY says `00` for an unpaid reference too: read as a callback it would say "paid". These are
/// never believed here, whatever the configuration admits.
const NEVER: [&str; 3] = ["INIT", "QUERY", "GET_BILL"];

impl Callbacks for DvcqgPayment {
    fn verify(&self, request: &CallbackRequest) -> Result<Verified, String> {
        let report: Report = serde_json::from_slice(&request.body)
            .map_err(|error| format!("the body cannot be read: {}", masked(&error.to_string())))?;
        if !sign::is_genuine(&report, &self.secret) {
            return Err("the signature is wrong".to_owned());
        }
        let kind = report.LoaiBanTin.as_str();
        if NEVER.contains(&kind) || !admits(&self.config, kind) {
            return Err(format!("LoaiBanTin {:?} is no callback: see callback_message_types", masked(kind)));
        }
        let reference = Reference::parse(report.MaThamChieu.as_str())
            .map_err(|_| "signed, but MaThamChieu is none of our references".to_owned())?;
        let (news, readable) = news(&report);
        let identity =
            ["dvcqg-payment", reference.as_str(), report.MaGiaoDich.as_str(), report.MaLoi.as_str()];
        Ok(Verified {
            identity: identity.join("|"),
            tiding: Tiding {
                reference,
                platform_ref: report.MaGiaoDich.as_str().to_owned(),
                news,
                by: "callback",
            },
            claims_match: readable.and_then(|()| claims(&report, &self.config)),
        })
    }

    fn answer(&self, request: &CallbackRequest, result: &CallbackResult) -> CallbackAnswer {
        let report: Report = serde_json::from_slice(&request.body).unwrap_or_default();
        let is_paid = report.MaLoi.as_str() == OK;
        let (status, code) = match result {
            CallbackResult::Applied | CallbackResult::Repeated if is_paid => (200, OK),
            CallbackResult::Applied | CallbackResult::Repeated => {
                (200, self.config.answer_failed_with.as_str())
            }
            CallbackResult::Rejected(_) => (200, OTHER),
            CallbackResult::Unavailable => (503, OTHER),
        };
        let receipt = Receipt {
            MaLoi: code,
            MoTaLoi: if code == OK { "Thành công" } else { "Các lỗi khác" },
            MaDoiTac: report.MaDoiTac.as_str(),
            MaThamChieu: report.MaThamChieu.as_str(),
            ThoiGianGD: report.ThoiGianGD.as_str(),
            MaXacThuc: report.MaXacThuc.as_str(),
        };
        // Six strings always serialise; an empty body would make the platform repeat, which is safe.
        let body = serde_json::to_string(&receipt).unwrap_or_default();
        CallbackAnswer { status, content_type: "application/json; charset=utf-8", body }
    }
}

fn admits(config: &Config, kind: &str) -> bool {
    config.callback_message_types.iter().any(|known| known == "any" || known == kind)
}

/// What it tells; of money whose amount or time cannot be read only that much, so that a person looks at it.
fn news(report: &Report) -> (News, Result<(), String>) {
    if report.MaLoi.as_str() != OK {
        return (News::Failed { code: report.MaLoi.as_str().to_owned() }, Ok(()));
    }
    let (amount, at) = (amount(report.SoTien.as_str()), moment(report.ThoiGianGD.as_str()));
    let readable = match (amount, at) {
        (None, _) => Err("SoTien is no amount in đồng".to_owned()),
        (_, None) => Err("ThoiGianGD is no yyyyMMddHHmmss".to_owned()),
        (Some(_), Some(_)) => Ok(()),
    };
    (News::Paid { amount: amount.unwrap_or(0), at: at.unwrap_or(Timestamp::UNIX_EPOCH) }, readable)
}

fn claims(report: &Report, config: &Config) -> Result<(), String> {
    let (partner, currency) = (report.MaDoiTac.as_str(), report.MaTienTe.as_str());
    if partner != config.partner_code {
        return Err("MaDoiTac is not ours".to_owned());
    }
    if currency != config.currency {
        return Err(format!("MaTienTe is not {}", config.currency));
    }
    Ok(())
}

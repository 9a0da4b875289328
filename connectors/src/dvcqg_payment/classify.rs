//! The platform's codes and phrases -> what they say about the effect. Only `00` is documented; the rest is configured.

use jiff::{Timestamp, civil::DateTime};
use lienthong_core::{
    clock::business_zone,
    id::Reference,
    outcome::{Cause, Outcome, Proof},
    payment::{News, Tiding},
    port::connector::CheckFailure,
};
use reqwest::Url;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    config::{Config, Envelope as Expected},
    sign,
    wire::{Envelope, Init, InitAnswer, Report},
};
use crate::http::{Answer, masked, masked_of, read_setback, write_outcome};

/// Success.
pub(super) const OK: &str = "00";

/// What an answer to INIT means. `begun`: an earlier INIT with this reference may have reached the platform.
pub(super) fn opened(answer: &Answer, sent: &Init, begun: bool, config: &Config) -> Outcome {
    let read = match open_envelope::<InitAnswer>(answer, config.envelope) {
        Ok(read) => read,
        Err(Closed::Adapter(said)) if answer.is_success() => return Outcome::unclear(Cause::Unlisted, said),
        Err(Closed::Adapter(_) | Closed::Unreadable) => return write_outcome(answer),
    };
    if matches!(answer.status, 401 | 403 | 429 | 500..) {
        return write_outcome(answer);
    }
    let info = &sent.ThongTinBienLai;
    let personal = [&*info.HoTenNguoiNop, &*info.SoCMNDNguoiNop, &*info.DiaChiNguoiNop, &*info.TKThuHuong];
    let (code, words) = (read.MaLoi.as_str(), masked_of(read.MoTaLoi.as_str(), &personal));
    if code == OK && answer.is_success() && is_address(read.UrlThanhToan.as_str()) {
        let mut proof = Proof { said: words, ..Proof::default() };
        proof.facts.insert("pay_url".into(), json!(read.UrlThanhToan.as_str()));
        proof.facts.insert("reference".into(), json!(sent.MaThamChieu));
        return Outcome::Done(proof);
    }
    if code.is_empty() {
        return write_outcome(answer);
    }
    if code == OK {
        return Outcome::unclear(
            Cause::Unreadable,
            format!("HTTP {}, MaLoi 00 without a pay link", answer.status),
        );
    }
    let said = format!("MaLoi {code}: {words}");
    if is_in(&config.credential_codes, code) {
        return Outcome::paused(Cause::CredentialsRejected, said);
    }
    if is_duplicate(code, read.MoTaLoi.as_str(), config) {
        return if begun {
            Outcome::unclear(Cause::ForeignRecord, said) // ours, most likely: the query decides
        } else {
            Outcome::refused(Cause::ForeignRecord, code, words)
        };
    }
    Outcome::refused(Cause::DataRefused, code, words)
}

/// What an answer to QUERY says. `None`: the platform does not know the reference.
pub(super) fn known(
    answer: &Answer,
    asked: &Reference,
    config: &Config,
    secret: &SecretString,
) -> Result<Option<Tiding>, CheckFailure> {
    let report = match open_envelope::<Report>(answer, config.envelope) {
        Ok(report) if answer.is_success() => report,
        Err(Closed::Adapter(said)) if answer.is_success() => return Err(failure(Cause::PartnerFailed, said)),
        Ok(_) | Err(_) => {
            let setback = read_setback(answer);
            return Err(failure(setback.cause, setback.said));
        }
    };
    let code = report.MaLoi.as_str();
    let said = || format!("MaLoi {code:?}: {}", masked(report.MoTaLoi.as_str()));
    if is_in(&config.unknown_reference_codes, code) {
        return Ok(None);
    }
    if is_in(&config.credential_codes, code) {
        return Err(failure(Cause::CredentialsRejected, said()));
    }
    if code != OK {
        let cause = if code.is_empty() { Cause::Unreadable } else { Cause::Unlisted };
        return Err(failure(cause, said()));
    }
    if !report.MaXacThuc.as_str().is_empty() && !sign::is_genuine(&report, secret) {
        return Err(failure(Cause::Unreadable, "the answer's signature is wrong".to_owned()));
    }
    let is_about_it = [
        (report.MaThamChieu.as_str(), asked.as_str()),
        (report.MaDoiTac.as_str(), config.partner_code.as_str()),
        (report.MaTienTe.as_str(), config.currency.as_str()),
    ];
    if is_about_it.iter().any(|(said, ours)| !said.is_empty() && said != ours) {
        return Err(failure(
            Cause::Unreadable,
            "the answer is about another reference, partner or currency".to_owned(),
        ));
    }
    let news = match report.TrangThaiGD.as_str() {
        "1" => match (amount(report.SoTien.as_str()), moment(report.ThoiGianGD.as_str())) {
            (Some(amount), Some(at)) => News::Paid { amount, at },
            _ => {
                return Err(failure(
                    Cause::Unreadable,
                    "paid, but the amount or the time cannot be read".to_owned(),
                ));
            }
        },
        "3" => News::Pending,
        "4" => News::Failed { code: "4".to_owned() },
        other => return Err(failure(Cause::Unlisted, format!("TrangThaiGD {:?}", masked(other)))),
    };
    let platform_ref = report.MaGiaoDich.as_str().to_owned();
    Ok(Some(Tiding { reference: asked.clone(), platform_ref, news, by: "query" }))
}

/// Whether an answer is in the platform's form, whatever it says.
pub(super) fn is_in_form(answer: &Answer, config: &Config) -> bool {
    answer.is_success()
        && open_envelope::<Report>(answer, config.envelope)
            .is_ok_and(|report| !report.MaLoi.as_str().is_empty())
}

/// Whole đồng from `150000` or `150000.00`; anything else is no amount.
pub(super) fn amount(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    (!whole.is_empty() && digits(whole) && fraction.bytes().all(|b| b == b'0'))
        .then(|| whole.parse().ok())
        .flatten()
}

/// The moment of `yyyyMMddHHmmss` on the business clock.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    time.to_zoned(business_zone()).ok().map(|zoned| zoned.timestamp())
}

enum Closed {
    /// An adapter's own words instead of the platform's.
    Adapter(String),
    Unreadable,
}

fn open_envelope<T: DeserializeOwned>(answer: &Answer, expected: Expected) -> Result<T, Closed> {
    let outer: Envelope = serde_json::from_slice(&answer.body).map_err(|_| Closed::Unreadable)?;
    let is_direct = match expected {
        Expected::Direct => true,
        Expected::Adapter => false,
        Expected::Either => outer.MaLoi.is_some(),
    };
    if is_direct {
        return serde_json::from_slice(&answer.body).map_err(|_| Closed::Unreadable);
    }
    let (Some(code), Some(message)) = (outer.error_code, outer.message) else {
        return Err(Closed::Unreadable);
    };
    // JSON text inside JSON; some adapters leave it an object.
    let text = serde_json::from_str::<String>(message.get()).unwrap_or_else(|_| message.get().to_owned());
    if code.as_str() != "0" {
        return Err(Closed::Adapter(format!("error_code {}: {}", masked(code.as_str()), masked(&text))));
    }
    serde_json::from_str(&text).map_err(|_| Closed::Unreadable)
}

fn is_duplicate(code: &str, words: &str, config: &Config) -> bool {
    let words = words.to_lowercase();
    is_in(&config.duplicate_codes, code)
        || config.duplicate_phrases.iter().any(|p| words.contains(&p.to_lowercase()))
}

fn is_in(codes: &[String], code: &str) -> bool {
    codes.iter().any(|known| known == code)
}

fn is_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn failure(cause: Cause, said: String) -> CheckFailure {
    CheckFailure { cause, said }
}

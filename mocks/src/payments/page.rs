//! The page a citizen pays on, for the sandbox: one button that pays, one that gives up.

use super::{
    Payments,
    services::pdf,
    state::{Reference, Standing},
};
use crate::{
    journal::Effect,
    request::{Answer, Incoming},
    runtime::lock,
    simulator::Reply,
};

impl Payments {
    pub(super) fn page(&self, reference: &str, incoming: &Incoming) -> Reply {
        let mut state = lock(&self.state);
        let mut effect = Effect::None;
        if incoming.method == "POST" {
            let is_failure = incoming.form().iter().any(|(key, value)| key == "result" && value == "fail");
            let (to, then) =
                if is_failure { (Standing::Failed, Effect::Failed) } else { (Standing::Paid, Effect::Paid) };
            if state.settle(reference, to) {
                effect = then;
            }
        }
        match state.get(reference) {
            Some(known) => Reply::new(Answer::html(200, render(known)), effect),
            None => Reply::new(Answer::html(404, "<!doctype html><p>Không tìm thấy giao dịch"), effect),
        }
    }

    pub(super) fn receipt(&self, reference: &str) -> Reply {
        let is_paid = lock(&self.state).get(reference).is_some_and(|known| known.standing == Standing::Paid);
        let answer = if is_paid { pdf(reference) } else { Answer::html(404, "<!doctype html><p>404") };
        Reply::new(answer, Effect::None)
    }
}

fn render(known: &Reference) -> String {
    let state = match known.standing {
        Standing::Open => {
            "<form method=post><button name=result value=ok>Thanh toán</button> \
             <button name=result value=fail>Huỷ</button></form>"
        }
        Standing::Paid => "<p><strong>Đã thanh toán.</strong> Ông/bà có thể đóng trang này.",
        Standing::Failed => "<p><strong>Giao dịch không thành công.</strong>",
    };
    format!(
        "<!doctype html><html lang=vi><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Thanh toán thử nghiệm</title><h1>Nền tảng thanh toán (mô phỏng)</h1>\
         <p>{}<p>Hồ sơ: {}<p>Số tiền: {} đ<p>Mã tham chiếu: {}{state}</html>",
        escape(&known.content),
        escape(&known.dossier),
        known.amount,
        escape(&known.reference)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! One attempt, one probe, one inquiry against scripted answers: what each of them says about the effect.

use jiff::Timestamp;
use lienthong_core::{
    finding::Finding,
    id::{PaymentId, Reference},
    operation::Payload,
    outcome::{Cause, Outcome, Proof},
    payment::News,
    port::{connector::Task, store::ReferenceToAsk},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, path},
};

use super::{REFERENCE, SENT_AT, call, config, doubted, key, made, payload, payment, task, task_of};
use crate::dvcqg_payment::{sign, wire::Report};

const URL: &str = "https://thanhtoan.example.gov.vn/pay/1";

struct Platform {
    server: MockServer,
    more: Value,
}

impl Platform {
    async fn new() -> Self {
        Self { server: MockServer::start().await, more: json!({}) }
    }

    async fn says(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(path(at)).respond_with(answer).mount(&self.server).await;
    }

    async fn attempt(&self, task: &Task) -> Outcome {
        made(&config(&self.server.uri(), &self.more)).attempt(task, &call()).await
    }

    async fn probe(&self) -> Finding {
        made(&config(&self.server.uri(), &self.more)).prober().unwrap().probe(&doubted(), &call()).await
    }

    async fn seen(&self, at: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|request| request.url.path() == at).collect()
    }
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn opened() -> Value {
    json!({"MaLoi": "00", "MoTaLoi": "Thành công", "UrlThanhToan": URL})
}

fn status(code: &str) -> Value {
    let mut answer = json!({
        "LoaiBanTin": "QUERY", "MaLoi": "00", "MaDoiTac": "TESTPARTNER", "MaThamChieu": REFERENCE, "SoTien": 150_000,
        "MaTienTe": "VND", "MaGiaoDich": "2611230000123456", "MaNganHang": "VCB", "ThoiGianGD": "20261123143210",
        "ThongTinGiaoDich": "x", "TrangThaiGD": code,
    });
    let report: Report = serde_json::from_value(answer.clone()).unwrap();
    answer["MaXacThuc"] = json!(sign::report(&report, &key()));
    answer
}

fn cause(outcome: &Outcome) -> Cause {
    match outcome {
        Outcome::Refused(r) => r.cause,
        Outcome::NotDone(s) => s.cause,
        Outcome::Paused(p) => p.cause,
        Outcome::Unclear(d) => d.cause,
        Outcome::Done(_) | Outcome::Accepted(_) | Outcome::Held(_) => panic!("{outcome:?}"),
    }
}

async fn init_answered(answer: ResponseTemplate, task: &Task) -> Outcome {
    let platform = Platform::new().await;
    platform.says("/init", answer).await;
    platform.attempt(task).await
}

#[tokio::test]
async fn an_opened_reference_is_done_with_its_pay_link_in_both_envelopes() {
    let wrapped = json!({"error_code": "0", "message": opened().to_string()});
    let object = json!({"error_code": 0, "message": opened()});
    for answer in [opened(), wrapped, object] {
        let Outcome::Done(proof) = init_answered(ok(answer), &task()).await else { panic!("not done") };
        assert_eq!(proof.facts["pay_url"], URL);
        assert_eq!(proof.facts["reference"], REFERENCE);
        assert!(!proof.repeated);
    }
}

#[tokio::test]
async fn a_configured_envelope_admits_no_other() {
    for (envelope, answer) in
        [("adapter", opened()), ("direct", json!({"error_code": "0", "message": opened().to_string()}))]
    {
        let platform = Platform { more: json!({ "envelope": envelope }), ..Platform::new().await };
        platform.says("/init", ok(answer)).await;
        assert!(
            matches!(platform.attempt(&task()).await, Outcome::Unclear(d) if d.cause == Cause::Unreadable)
        );
    }
}

#[tokio::test]
async fn each_answer_to_init_says_what_it_says() {
    let table: [(ResponseTemplate, &str, Cause); 16] = [
        (ok(json!({"MaLoi": "00"})), "unclear", Cause::Unreadable),
        (ok(json!({"MaLoi": "00", "UrlThanhToan": "not a link"})), "unclear", Cause::Unreadable),
        (ok(json!({"MaLoi": "99", "MoTaLoi": "Các lỗi khác"})), "refused", Cause::DataRefused),
        (ok(json!({"MaLoi": 99, "MoTaLoi": null})), "refused", Cause::DataRefused),
        (ok(json!({"MaLoi": "01", "MoTaLoi": "Mã tham chiếu đã tồn tại"})), "refused", Cause::ForeignRecord),
        (ok(json!({"MaLoi": "97", "MoTaLoi": "Sai chữ ký"})), "paused", Cause::CredentialsRejected),
        (ok(json!({"error_code": "1", "message": "Lỗi kết nối"})), "unclear", Cause::Unlisted),
        (ok(json!({})), "unclear", Cause::Unreadable),
        (ResponseTemplate::new(200).set_body_string("<html>bảo trì</html>"), "unclear", Cause::Unreadable),
        (
            ResponseTemplate::new(200).set_body_string("{\"MaLoi\":\"00\",\"UrlTh"),
            "unclear",
            Cause::Unreadable,
        ),
        (ResponseTemplate::new(401).set_body_string("<html>"), "paused", Cause::CredentialsRejected),
        (
            ResponseTemplate::new(403).set_body_json(json!({"MaLoi": "99"})),
            "paused",
            Cause::CredentialsRejected,
        ),
        (ResponseTemplate::new(500).set_body_json(json!({"MaLoi": "99"})), "unclear", Cause::PartnerFailed),
        (ResponseTemplate::new(302), "unclear", Cause::Unlisted),
        (ResponseTemplate::new(503), "not_done", Cause::Throttled),
        (
            ResponseTemplate::new(400).set_body_json(json!({"MaLoi": "99", "MoTaLoi": "x"})),
            "refused",
            Cause::DataRefused,
        ),
    ];
    for (index, (answer, name, expected)) in table.into_iter().enumerate() {
        let outcome = init_answered(answer, &task()).await;
        assert_eq!((outcome.name(), cause(&outcome)), (name, expected), "row {index}: {outcome:?}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let outcome = init_answered(ResponseTemplate::new(429).insert_header("Retry-After", "7"), &task()).await;
    assert!(matches!(outcome, Outcome::NotDone(s) if s.retry_after.is_some_and(|r| r.as_secs() == 7)));
}

#[tokio::test]
async fn a_refusal_repeats_no_personal_value() {
    let words = "Trần Thị Mẫu (080099000001, Ấp 1, xã Mẫu) sai tài khoản 0011001234567";
    let outcome = init_answered(ok(json!({"MaLoi": "99", "MoTaLoi": words})), &task()).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.code, "99");
    for personal in ["Mẫu", "080099000001", "0011001234567"] {
        assert!(!refusal.said.contains(personal), "{}", refusal.said);
    }
}

#[tokio::test]
async fn no_answer_is_unclear_and_no_connection_is_not_done() {
    let late = init_answered(ok(opened()).set_delay(Duration::from_millis(800)), &task()).await;
    assert!(matches!(&late, Outcome::Unclear(d) if d.cause == Cause::NoAnswer), "{late:?}");
    let nobody = made(&config("http://127.0.0.1:1", &json!({}))).attempt(&task(), &call()).await;
    assert!(matches!(&nobody, Outcome::NotDone(s) if s.cause == Cause::Unreachable), "{nobody:?}");
}

#[tokio::test]
async fn a_bearer_token_is_sent_where_one_is_configured() {
    let platform = Platform { more: json!({"token": "TEST-BEARER"}), ..Platform::new().await };
    let bearer = Mock::given(path("/init")).and(header("authorization", "Bearer TEST-BEARER"));
    bearer.respond_with(ok(opened())).mount(&platform.server).await;
    assert!(matches!(platform.attempt(&task()).await, Outcome::Done(_)));
}

#[tokio::test]
async fn an_expired_payment_is_not_opened() {
    let mut late = payment();
    late["expires_at"] = json!("2026-11-23T08:06:05+07:00");
    let platform = Platform::new().await;
    let outcome = platform.attempt(&task_of(payload(late, 150_000))).await;
    assert!(matches!(outcome, Outcome::Refused(r) if r.code == "local" && r.cause == Cause::DataRefused));
    assert!(platform.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn init_is_not_begun_when_too_little_time_is_left() {
    let platform = Platform { more: json!({"min_write_ms": 300}), ..Platform::new().await };
    let connector = made(&config(&platform.server.uri(), &platform.more));
    let mut call = call();
    call.deadline = Duration::from_millis(200);
    assert!(matches!(connector.attempt(&task(), &call).await, Outcome::NotDone(_)));
    assert!(platform.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn after_a_doubt_the_platform_is_asked_first() {
    let unknown = json!({"MaLoi": "04", "MoTaLoi": "Không tìm thấy"});
    let cases = [
        (status("1"), "done", 0),
        (status("4"), "refused", 0),
        (status("3"), "done", 1),
        (unknown, "done", 1),
    ];
    for (known, name, inits) in cases {
        let platform = Platform::new().await;
        platform.says("/query", ok(known.clone())).await;
        platform.says("/init", ok(opened())).await;
        let outcome = platform.attempt(&doubted()).await;
        assert_eq!(outcome.name(), name, "{known}: {outcome:?}");
        assert_eq!(
            (platform.seen("/query").await.len(), platform.seen("/init").await.len()),
            (1, inits),
            "{known}"
        );
        if let Outcome::Done(Proof { facts, repeated, .. }) = outcome {
            assert_eq!(facts.contains_key("pay_url"), inits == 1);
            assert_eq!(repeated, inits == 0);
        }
    }
}

#[tokio::test]
async fn money_found_after_a_doubt_is_told_in_full() {
    let platform = Platform::new().await;
    platform.says("/query", ok(status("1"))).await;
    let Outcome::Done(proof) = platform.attempt(&doubted()).await else { panic!("not done") };
    assert!(proof.repeated);
    let paid = json!({"amount": 150_000, "at": "2026-11-23T07:32:10Z", "platform_ref": "2611230000123456"});
    assert_eq!(proof.facts["paid"], paid);
}

#[tokio::test]
async fn the_repeat_is_byte_for_byte() {
    let platform = Platform::new().await;
    platform.says("/query", ok(status("3"))).await;
    platform.says("/init", ok(opened())).await;
    platform.attempt(&task()).await;
    platform.attempt(&doubted()).await;
    let seen = platform.seen("/init").await;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body, seen[1].body);
    let asked: Value = serde_json::from_slice(&platform.seen("/query").await[0].body).unwrap();
    assert_eq!((&asked["ThoiGianGD"], &asked["MaThamChieu"]), (&json!(SENT_AT), &json!(REFERENCE)));
}

#[tokio::test]
async fn a_question_without_an_answer_leaves_the_doubt_and_sends_nothing() {
    for answer in [
        ok(status("1")).set_delay(Duration::from_millis(800)),
        ResponseTemplate::new(500),
        ResponseTemplate::new(404),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ok(status("2")),
    ] {
        let platform = Platform::new().await;
        platform.says("/query", answer).await;
        let outcome = platform.attempt(&doubted()).await;
        assert!(matches!(&outcome, Outcome::Unclear(d) if d.cause == Cause::NoAnswer), "{outcome:?}");
        assert!(platform.seen("/init").await.is_empty());
    }
}

#[tokio::test]
async fn a_reference_that_is_open_there_is_not_dead_because_the_repeat_was_refused() {
    let platform = Platform::new().await;
    platform.says("/query", ok(status("3"))).await;
    platform.says("/init", ok(json!({"MaLoi": "99", "MoTaLoi": "x"}))).await;
    assert!(matches!(platform.attempt(&doubted()).await, Outcome::Unclear(_)));
}

#[tokio::test]
async fn a_duplicate_after_an_attempt_that_had_begun_is_unclear() {
    let begun = Task { begun: true, ..task() };
    for words in ["Mã tham chiếu ĐÃ TỒN TẠI", "Trùng mã"] {
        let outcome = init_answered(ok(json!({"MaLoi": "01", "MoTaLoi": words})), &begun).await;
        assert!(matches!(outcome, Outcome::Unclear(_)));
    }
}

#[tokio::test]
async fn an_expired_payment_that_may_be_open_there_is_asked_about() {
    let mut late = payment();
    late["expires_at"] = json!("2026-11-23T08:00:00+07:00");
    let late = Task { begun: true, doubted: true, ..task_of(payload(late, 150_000)) };
    let unknown = json!({"MaLoi": "04"});
    for (known, name) in [(status("1"), "done"), (status("3"), "done"), (unknown, "refused")] {
        let platform = Platform::new().await;
        platform.says("/query", ok(known)).await;
        assert_eq!(platform.attempt(&late).await.name(), name);
        assert!(platform.seen("/init").await.is_empty());
    }
}

#[tokio::test]
async fn a_probe_finds_what_the_platform_knows() {
    let mut forged = status("1");
    forged["SoTien"] = json!(1);
    let mut other = status("1");
    other["MaThamChieu"] = json!("LTANOTHER");
    other["MaXacThuc"] = json!("");
    let mut unsigned = status("1");
    unsigned.as_object_mut().unwrap().remove("MaXacThuc");
    let cases = [
        (ok(status("1")), "present"),
        (ok(unsigned), "present"),
        (ok(json!({"error_code": "0", "message": status("3").to_string()})), "present"),
        (ok(status("4")), "refused"),
        (ok(json!({"MaLoi": "04"})), "absent"),
        (ok(json!({"MaLoi": "99"})), "inconclusive"),
        (ok(json!({"MaLoi": "97"})), "inconclusive"),
        (ok(forged), "inconclusive"),
        (ok(other), "inconclusive"),
        (ok(status("2")), "inconclusive"),
        (ok(json!({"error_code": "1", "message": "x"})), "inconclusive"),
        (ResponseTemplate::new(404).set_body_json(json!({"MaLoi": "04"})), "inconclusive"),
        (ResponseTemplate::new(500), "inconclusive"),
        (ok(status("1")).set_delay(Duration::from_millis(800)), "inconclusive"),
    ];
    for (index, (answer, name)) in cases.into_iter().enumerate() {
        let platform = Platform::new().await;
        platform.says("/query", answer).await;
        let finding = platform.probe().await;
        assert_eq!(finding.name(), name, "row {index}: {finding:?}");
        if let (2, Finding::Present(proof)) = (index, finding) {
            assert_eq!(proof.facts["pending"], true);
        }
    }
}

#[tokio::test]
async fn an_inquiry_tells_the_news() {
    let at: Timestamp = "2026-11-23T14:32:10+07:00".parse().unwrap();
    let cases = [
        ("1", News::Paid { amount: 150_000, at }),
        ("3", News::Pending),
        ("4", News::Failed { code: "4".into() }),
    ];
    let asked = ReferenceToAsk {
        payment: PaymentId::parse("TT-1").unwrap(),
        reference: Reference::parse(REFERENCE).unwrap(),
        sent_at: SENT_AT.into(),
        amount: 150_000,
    };
    for (code, news) in cases {
        let platform = Platform::new().await;
        platform.says("/query", ok(status(code))).await;
        let connector = made(&config(&platform.server.uri(), &json!({})));
        let tiding = connector.inquiries().unwrap().inquire(&asked, &call()).await.unwrap().unwrap();
        assert_eq!(
            (tiding.news, tiding.by, tiding.platform_ref.as_str()),
            (news, "query", "2611230000123456")
        );
    }
    let platform = Platform::new().await;
    platform.says("/query", ok(json!({"MaLoi": "04"}))).await;
    let connector = made(&config(&platform.server.uri(), &json!({})));
    assert_eq!(connector.inquiries().unwrap().inquire(&asked, &call()).await, Ok(None));
}

#[tokio::test]
async fn a_check_wants_an_answer_in_the_platforms_form() {
    for (answer, is_fine) in [
        (ok(json!({"MaLoi": "04"})), true),
        (ok(json!({"MaLoi": "12", "MoTaLoi": "x"})), true),
        (ok(json!({"MaLoi": "97"})), false),
        (ok(json!({})), false),
        (ResponseTemplate::new(302), false),
        (ResponseTemplate::new(400).set_body_json(json!({"error": "x"})), false),
        (ResponseTemplate::new(401), false),
    ] {
        let platform = Platform::new().await;
        platform.says("/query", answer).await;
        let said = made(&config(&platform.server.uri(), &json!({}))).check(&call()).await;
        assert_eq!(said.is_ok(), is_fine, "{said:?}");
        assert!(platform.seen("/init").await.is_empty());
    }
}

#[tokio::test]
async fn another_action_is_held_not_refused() {
    let other = Task { payload: Arc::new(Payload::SyncDossier), ..task() };
    let connector = made(&config("http://127.0.0.1:1", &json!({})));
    assert!(matches!(connector.attempt(&other, &call()).await, Outcome::Held(_)));
}

//! Against the simulator, which was written from the contract by somebody else: no rule broken, no effect doubled.

use lienthong_core::{
    finding::Finding,
    outcome::{Cause, Outcome},
    port::connector::{CallbackRequest, Connector},
};
use lienthong_mocks::{
    Behaviour, Rule,
    payments::{self, Options, PaymentsHandle},
};
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpListener;

use super::{REFERENCE, call, config, doubted, made, task};

async fn both(options: Options) -> (PaymentsHandle, Arc<dyn Connector>) {
    let platform = payments::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), options).await;
    let connector = made(&config(&platform.url(), &json!({"call_timeout_ms": 800})));
    (platform, connector)
}

fn assert_clean(platform: &PaymentsHandle) {
    assert_eq!(platform.journal().violations(), Vec::<String>::new());
    assert!(platform.double_openings().is_empty());
}

#[tokio::test]
async fn a_payment_is_opened_paid_and_found_in_both_envelopes() {
    for adapter_envelope in [false, true] {
        let (platform, connector) = both(Options { adapter_envelope, ..Options::default() }).await;
        assert!(matches!(connector.probe_once().await, Finding::Absent));
        let Outcome::Done(proof) = connector.attempt(&task(), &call()).await else { panic!("not opened") };
        assert_eq!(proof.facts["pay_url"], json!(platform.reference(REFERENCE).unwrap().pay_url));
        assert!(matches!(connector.probe_once().await, Finding::Present(p) if p.facts["pending"] == true));
        assert!(platform.pay_silently(REFERENCE));
        assert!(
            matches!(connector.probe_once().await, Finding::Present(p) if p.facts["paid"]["amount"] == 150_000)
        );
        let Outcome::Done(proof) = connector.attempt(&doubted(), &call()).await else { panic!("not found") };
        assert!(proof.repeated);
        assert_clean(&platform);
    }
}

#[tokio::test]
async fn a_failed_payment_is_refused_by_the_question() {
    let (platform, connector) = both(Options::default()).await;
    connector.attempt(&task(), &call()).await;
    platform.fail(REFERENCE);
    assert!(matches!(connector.probe_once().await, Finding::Refused(_)));
    assert!(matches!(connector.attempt(&doubted(), &call()).await, Outcome::Refused(_)));
    assert_clean(&platform);
}

#[tokio::test]
async fn a_lost_answer_is_unclear_and_the_repeat_opens_nothing_new() {
    for behaviour in [Behaviour::DropAfterEffect, Behaviour::HalfBody, Behaviour::Stall { millis: 1500 }] {
        let (platform, connector) = both(Options::default()).await;
        platform.behave(Rule::on("INIT", behaviour.clone()).times(1));
        let outcome = connector.attempt(&task(), &call()).await;
        assert!(matches!(outcome, Outcome::Unclear(_)), "{behaviour:?}: {outcome:?}");
        assert!(matches!(connector.probe_once().await, Finding::Present(_)));
        let Outcome::Done(proof) = connector.attempt(&doubted(), &call()).await else { panic!("not opened") };
        assert!(proof.facts.contains_key("pay_url"));
        assert_eq!(platform.counts().references, 1);
        assert_eq!(platform.counts().repeated_inits, 1);
        assert_clean(&platform);
    }
}

#[tokio::test]
async fn each_fault_is_named() {
    let cases = [
        (Behaviour::DropBeforeEffect, "unclear"),
        (Behaviour::HttpError { status: 502, html: "<html>".into() }, "unclear"),
        (Behaviour::HttpError { status: 200, html: "<html>".into() }, "unclear"),
        (Behaviour::Throttle { retry_after: 3, status: 429 }, "not_done"),
        (Behaviour::Down, "not_done"),
        (Behaviour::Unauthorized, "paused"),
        (Behaviour::Refuse { code: "99".into(), message: "Dữ liệu sai".into() }, "refused"),
    ];
    for (behaviour, name) in cases {
        let (platform, connector) = both(Options::default()).await;
        platform.behave(Rule::on("INIT", behaviour.clone()));
        let outcome = connector.attempt(&task(), &call()).await;
        assert_eq!(outcome.name(), name, "{behaviour:?}: {outcome:?}");
        assert_clean(&platform);
    }
}

#[tokio::test]
async fn a_wrong_secret_pauses_and_the_check_tells_it() {
    let (platform, connector) = both(Options { secret: "ANOTHER".into(), ..Options::default() }).await;
    let paused = connector.attempt(&task(), &call()).await;
    assert!(matches!(&paused, Outcome::Paused(p) if p.cause == Cause::CredentialsRejected), "{paused:?}");
    assert_eq!(connector.check(&call()).await.unwrap_err().cause, Cause::CredentialsRejected);
    assert_eq!(platform.counts().references, 0);
}

#[tokio::test]
async fn a_check_has_no_effect() {
    let (platform, connector) = both(Options::default()).await;
    assert!(connector.check(&call()).await.unwrap().contains("QUERY answers"));
    assert_eq!(platform.counts().references, 0);
    assert_clean(&platform);
}

#[tokio::test]
async fn the_simulators_callbacks_are_believed_and_its_forgeries_are_not() {
    let receiver = wiremock::MockServer::start().await;
    let heard = wiremock::Mock::given(wiremock::matchers::method("POST"));
    heard.respond_with(wiremock::ResponseTemplate::new(503)).mount(&receiver).await;
    let (platform, connector) = both(Options { callback_attempts: 1, ..Options::default() }).await;
    platform.set_callback_url(receiver.uri());
    connector.attempt(&task(), &call()).await;
    platform.forge(REFERENCE, None);
    platform.callbacks_delivered().await;
    platform.pay(REFERENCE);
    platform.callbacks_delivered().await;
    let bodies = receiver.received_requests().await.unwrap();
    let verdicts: Vec<bool> = bodies
        .into_iter()
        .map(|heard| {
            let (path, query, headers) = (String::new(), String::new(), Vec::new());
            let request = CallbackRequest { path, query, headers, body: heard.body };
            connector
                .callbacks()
                .unwrap()
                .verify(&request)
                .is_ok_and(|verified| verified.claims_match.is_ok())
        })
        .collect();
    assert_eq!(verdicts, [false, true]);
}

trait ProbeOnce {
    async fn probe_once(&self) -> Finding;
}

impl ProbeOnce for Arc<dyn Connector> {
    async fn probe_once(&self) -> Finding {
        self.prober().unwrap().probe(&doubted(), &call()).await
    }
}

//! What can be tested without a server. The real broker is in the end-to-end tests.

use std::time::Duration;

use lapin::{
    BasicProperties, Confirmation,
    message::{BasicReturnMessage, Delivery},
    types::{AMQPValue, FieldTable},
};
use lienthong_core::{
    event::Origin,
    port::{publisher::PublishError, store::OutboxRow},
};
use tokio_util::sync::CancellationToken;

use super::{
    Names, Settings,
    link::{Broken, Link},
    message,
    publisher::{Run, properties},
    supervise::supervise,
};

fn settings() -> Settings {
    Settings {
        url: "amqp://127.0.0.1:1".into(),
        installation: "h99".into(),
        prefetch: 1000,
        batch: 100,
        confirm_timeout: Duration::from_secs(1),
        names: Names {
            exchange_in: "in".into(),
            exchange_out: "out".into(),
            queue: "q".into(),
            dead_exchange: "dx".into(),
            dead_queue: "dq".into(),
            bindings: vec!["#".into()],
        },
    }
}

fn row(number: i64) -> OutboxRow {
    OutboxRow {
        number,
        name: "portal.synced".into(),
        subject: "000.00.08.H99-261122-0001".into(),
        unit: Some("000.00.08.H99".into()),
        id: format!("o-{number}"),
        data: "{}".into(),
        at: "2026-11-23T01:05:00Z".parse().unwrap(),
    }
}

fn returned() -> BasicReturnMessage {
    BasicReturnMessage {
        delivery: Delivery::mock(0, "out".into(), "k".into(), false, Vec::new()),
        reply_code: 312,
        reply_text: "NO_ROUTE".into(),
    }
}

fn run(confirmations: &[Confirmation]) -> Result<usize, PublishError> {
    let mut run = Run::default();
    for (number, confirmation) in (1..).zip(confirmations) {
        run.take(confirmation, &row(number), &settings());
    }
    run.answer()
}

#[test]
fn only_the_contiguous_confirmed_prefix_counts_as_published() {
    use Confirmation::{Ack, Nack};
    assert_eq!(run(&[Ack(None), Ack(None)]), Ok(2));
    assert_eq!(run(&[Ack(None), Nack(None), Ack(None)]), Ok(1));
    assert_eq!(run(&[Ack(None), Ack(Some(returned())), Ack(None)]), Ok(1));
    assert!(matches!(run(&[Nack(None), Ack(None)]), Err(PublishError::Unavailable(_))));
}

#[test]
fn an_acknowledged_return_is_unroutable_and_names_the_routing_key() {
    let expected = PublishError::Unroutable {
        routing_key: "000.00.08.H99.portal.synced".into(),
        exchange: "out".into(),
    };
    assert_eq!(run(&[Confirmation::Ack(Some(returned()))]), Err(expected));
}

#[test]
fn out_messages_are_persistent_and_carry_id_type_and_dossier() {
    let properties = properties(&row(7));
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), "o-7");
    assert!(properties.content_type().as_ref().unwrap().as_str().starts_with("application/cloudevents+json"));
    let headers = properties.headers().as_ref().unwrap();
    let dossier = AMQPValue::LongString("000.00.08.H99-261122-0001".into());
    assert_eq!(headers.inner().get("dossier"), Some(&dossier));
}

#[test]
fn structured_messages_go_on_as_they_are() {
    let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    let raw = message::raw(&properties, b"{}".to_vec());
    assert_eq!((raw.origin, raw.body, raw.attributes), (Origin::Amqp, b"{}".to_vec(), None));
}

#[test]
fn binary_messages_give_their_attributes_under_both_prefixes() {
    for prefix in ["cloudEvents:", "cloudEvents_"] {
        let mut headers = FieldTable::default();
        headers.insert(format!("{prefix}id").into(), AMQPValue::LongString("e1".into()));
        headers.insert(format!("{prefix}sequence").into(), AMQPValue::LongInt(3));
        headers.insert(format!("{prefix}time").into(), AMQPValue::Timestamp(1_763_859_900));
        headers.insert("dossier".into(), AMQPValue::LongString("x".into()));
        let properties =
            BasicProperties::default().with_content_type("application/json".into()).with_headers(headers);
        let attributes = message::raw(&properties, Vec::new()).attributes.unwrap();
        assert_eq!(attributes["id"], "e1");
        assert_eq!(attributes["sequence"], "3");
        assert_eq!(attributes["time"], "2025-11-23T01:05:00Z");
        assert_eq!(attributes["datacontenttype"], "application/json");
        assert!(!attributes.contains_key("dossier"));
    }
}

#[test]
fn a_message_in_neither_mode_is_left_to_the_intake_to_judge() {
    let mut headers = FieldTable::default();
    headers.insert("dossier".into(), AMQPValue::LongString("x".into()));
    let raw = message::raw(&BasicProperties::default().with_headers(headers), b"nonsense".to_vec());
    assert_eq!(raw.attributes, None);
    assert_eq!(raw.body, b"nonsense");
}

#[tokio::test]
async fn broken_sessions_are_begun_again_until_told_to_stop() {
    let (link, seen) = tokio::sync::watch::channel(Link::Connecting);
    let stop = CancellationToken::new();
    let mut sessions = 0;
    supervise("test", &link, &stop, || {
        sessions += 1;
        let is_last = sessions == 3;
        let stop = stop.clone();
        async move {
            if is_last {
                stop.cancel();
                return Ok(());
            }
            Err(Broken::Said("gone".into()))
        }
    })
    .await;
    assert_eq!(sessions, 3);
    assert_eq!(*seen.borrow(), Link::Stopped);
}

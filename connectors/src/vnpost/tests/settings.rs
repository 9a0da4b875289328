//! Settings that could not work are refused with the setting's name.

use lienthong_core::{id::ConnectorId, operation::ActionKind};
use serde_json::json;
use std::time::Duration;

use super::{config, made};
use crate::vnpost::connector;

#[test]
fn broken_settings_are_named() {
    let agency = |name: &str| json!({"name": name, "phone": "1", "address": "2", "province": 70});
    for (more, key) in [
        (json!({"secret_key": null}), "secret_key"),
        (json!({"token_url": "x"}), "token_url"),
        (json!({"tracking_url": ""}), "tracking_url"),
        (json!({"customer_code": ""}), "customer_code"),
        (json!({"sender": agency("")}), "sender.name"),
        (json!({"units": {"H99": agency(" ")}}), "units.H99.name"),
        (json!({"page_size": 1001}), "page_size"),
        (json!({"page_size": 0}), "page_size"),
        (json!({"min_write_ms": 400}), "min_write_ms"),
        (json!({"status_meanings": {"x": "moving"}}), "status_meanings.x"),
        (json!({"status_meanings": {"5": "cancelled"}}), "status_meanings.5"),
    ] {
        let id = ConnectorId::parse("p").unwrap();
        match connector(id, String::new(), None, &config("http://127.0.0.1:1", &more)) {
            Err(error) => assert_eq!(error.key, key, "{more}"),
            Ok(_) => panic!("accepted {more}"),
        }
    }
}

#[test]
fn the_manifest_says_what_it_can_do_and_how_long_it_takes() {
    let post = made(&config("http://127.0.0.1:1", &json!({"call_timeout_ms": 15_000})));
    let manifest = post.manifest();
    let deadline = Duration::from_secs(61);
    assert_eq!(manifest.actions[&ActionKind::CreateParcel], deadline);
    assert_eq!(manifest.actions[&ActionKind::CancelParcel], deadline);
    assert!(post.feed().is_some(), "movements are read, not pushed");
    assert!(post.prober().is_none() && post.callbacks().is_none() && post.inquiries().is_none());
}

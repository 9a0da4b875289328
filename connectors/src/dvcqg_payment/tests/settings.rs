//! Settings that could not work are refused with the setting's name.

use lienthong_core::{id::ConnectorId, operation::ActionKind};
use serde_json::json;
use std::time::Duration;

use super::{config, made};
use crate::{dvcqg_payment::connector, http::ConfigError};

fn refusal(base: &str, more: &serde_json::Value) -> ConfigError {
    let id = ConnectorId::parse("p").unwrap();
    match connector(id, String::new(), None, &config(base, more)) {
        Err(error) => error,
        Ok(_) => panic!("accepted {more}"),
    }
}

#[test]
fn the_address_told_to_a_real_platform_must_be_given() {
    let real = "https://thanhtoan.example.gov.vn";
    for ip in [json!(null), json!("127.0.0.1"), json!("::1"), json!("localhost")] {
        assert_eq!(refusal(real, &json!({ "ip": ip })).key, "ip");
    }
    made(&config(real, &json!({"ip": "203.0.113.10"})));
    for local in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
        made(&config(local, &json!({"ip": null})));
    }
}

#[test]
fn broken_settings_are_named() {
    let local = "http://127.0.0.1:1";
    for (more, key) in [
        (json!({"secret": null}), "secret"),
        (json!({"secret_file": "/x"}), "secret"),
        (json!({"init_url": "ftp://x/y"}), "init_url"),
        (json!({"query_url": "/query"}), "query_url"),
        (json!({"partner_code": " "}), "partner_code"),
        (json!({"partner_code": "A|B"}), "partner_code"),
        (json!({"description_length": 0}), "description_length"),
        (json!({"min_write_ms": 400}), "min_write_ms"),
    ] {
        assert_eq!(refusal(local, &more).key, key, "{more}");
    }
}

#[test]
fn the_manifest_says_what_it_can_do_and_how_long_it_takes() {
    let platform = made(&config("http://127.0.0.1:1", &json!({"call_timeout_ms": 15_000})));
    let manifest = platform.manifest();
    assert_eq!(manifest.actions[&ActionKind::OpenPayment], Duration::from_secs(31));
    assert_eq!(manifest.settling_window.as_secs(), 60);
    assert!(platform.prober().unwrap().can_probe(ActionKind::OpenPayment));
    assert!(!platform.prober().unwrap().can_probe(ActionKind::CreateParcel));
    assert!(platform.callbacks().is_some() && platform.inquiries().is_some() && platform.feed().is_none());
}

#[test]
fn the_debug_text_shows_no_secret() {
    let text = format!("{:?}", config("http://127.0.0.1:1", &json!({"token": "TEST-BEARER"})));
    assert!(!text.contains("TEST-HASH-KEY") && !text.contains("TEST-BEARER"), "{text}");
}

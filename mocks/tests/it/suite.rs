//! All three together, as library and as program.

use crate::wire::get;
use lienthong_mocks::Suite;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

#[tokio::test]
async fn a_suite_starts_and_stops() {
    let suite = Suite::local().await.unwrap();
    let url = suite.portal.url();
    for url in [&url, &suite.payments.url(), &suite.post.url()] {
        assert_eq!(get(&format!("{url}/_sim/summary")).await["total"], 0);
    }
    assert!(suite.violations().is_empty());
    suite.stop().await;
    assert!(crate::wire::client().get(format!("{url}/_sim/summary")).send().await.is_err());
}

#[tokio::test]
async fn the_program_prints_its_addresses() {
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_lienthong-mocks")).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addresses: Value = serde_json::from_str(&line).unwrap();
    for name in ["portal", "payments", "post"] {
        assert_eq!(get(&format!("{}/_sim/summary", addresses[name].as_str().unwrap())).await["total"], 0);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

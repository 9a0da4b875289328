//! The alarm rules that are shipped name metrics that the running program has, and every alarm of the runbook is one.

use std::collections::BTreeSet;

use lienthong_tests::{Oracle, Place, Plan, traffic};
use reqwest::Method;
use saphyr::{LoadableYamlNode, Yaml};

const RULES: &str = include_str!("../../docs/alerts/lienthong.rules.yml");
const RUNBOOK: &str = include_str!("../../docs/operations.md");

/// A step of a dossier that nobody told of: it is held.
const UNKNOWN: &str = r#"{"specversion":"1.0","id":"1","source":"/motcua/000.00.08.H99","type":"vn.motcua.dossier.processing.v1","subject":"000.00.08.H99-261123-0001","time":"2026-11-23T09:00:00+07:00","data":{"step":{"at":"2026-11-23T09:00:00+07:00","officer":"Lê Văn Mẫu","content":"Thẩm định"}}}"#;

/// What begins like a metric of ours within a text. The parts of a histogram are one metric.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_name(c)).filter(|word| word.starts_with("lienthong_"));
    let plain = |word: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        parts.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word).to_owned()
    };
    words.map(plain).collect()
}

fn expressions() -> Vec<String> {
    let documents = Yaml::load_from_str(RULES).unwrap();
    let mut found = Vec::new();
    for group in documents[0]["groups"].as_sequence().unwrap() {
        assert!(group["name"].as_str().is_some_and(|name| !name.is_empty()), "a group has a name");
        for rule in group["rules"].as_sequence().unwrap() {
            let text = |name: &str| rule[name].as_str().map(str::to_owned);
            let alert = text("alert").unwrap();
            assert!(text("for").is_some(), "{alert}: how long it has to hold");
            assert!(rule["labels"]["severity"].as_str().is_some(), "{alert}: how bad it is");
            for words in ["summary", "description"] {
                assert!(rule["annotations"][words].as_str().is_some(), "{alert}: {words}");
            }
            let expression = text("expr").unwrap();
            let depth = expression.chars().fold(0, |depth, c| match c {
                '(' => depth + 1,
                ')' => depth - 1,
                _ => depth,
            });
            assert_eq!(depth, 0, "{alert}: {expression}");
            found.push(expression);
        }
    }
    found
}

/// The metrics of the runbook's table that have an alarm.
fn alarmed() -> BTreeSet<String> {
    let (_, english) = RUNBOOK.split_once("# Operations").unwrap();
    let rows = english.lines().filter(|line| line.starts_with("| `lienthong_"));
    rows.filter(|row| !row.contains("for graphs")).flat_map(metrics_in).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alarm_is_shipped_as_a_rule_over_metrics_that_the_program_has() {
    let named: BTreeSet<String> = expressions().iter().flat_map(|e| metrics_in(e)).collect();
    assert!(named.len() > 12, "{named:?}");
    let missing: Vec<_> = alarmed().difference(&named).cloned().collect();
    assert_eq!(missing, Vec::<String>::new(), "alarms of the runbook without a rule");

    let world = Plan::embedded(Place::Program).open().await;
    let mut lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);
    // What is held keeps the gauges of lanes and open operations above 0.
    lines.push(UNKNOWN.as_bytes().to_vec());
    world.api.publish(&lines).await;
    world.rests(lines.len()).await;
    world.citizens_pay(&oracle).await;
    let audit = world.api.send(Method::POST, "/v1/ledgers/audit", None).await.unwrap();
    assert_eq!(audit.status, 200, "{}", audit.body);
    let what = "the program has every metric that a rule names";
    lienthong_tests::eventually(what, world.plan.patience, async || {
        let text = world.api.send(Method::GET, "/metrics", None).await.map(|a| a.body).unwrap_or_default();
        let has: BTreeSet<String> =
            text.lines().filter(|l| !l.starts_with('#')).flat_map(metrics_in).collect();
        let missing: Vec<_> = named.difference(&has).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    })
    .await;
}

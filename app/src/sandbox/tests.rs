//! The sandbox in small: the sample province's configuration holds, and a few dossiers come to rest.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use axum::{body::Body, http::Request};
use jiff::SignedDuration;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{closing::Closing, play, province, stage::Stage, stage::Tempo};
use crate::{cli::Screen, config::Config, http::auth::Scope, i18n::Locale, lifecycle::Ending};

#[test]
fn the_sample_speaks_of_the_units_of_the_province_only() {
    let events = play::sample().unwrap();
    assert!(events.len() > 2_000, "{}", events.len());
    let units: BTreeSet<&str> = province::UNITS.iter().map(|(code, _)| *code).collect();
    for event in events {
        let value: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
        let unit = value["source"].as_str().unwrap().trim_start_matches("/motcua/").to_owned();
        assert!(units.contains(unit.as_str()), "{unit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_dossiers_come_to_rest_with_both_ledgers_balanced_and_no_contract_violated() {
    crate::install_crypto();
    let mut subjects = BTreeSet::new();
    let mut events = play::sample().unwrap();
    events.retain(|event| {
        let value: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
        let subject = value["subject"].as_str().unwrap().to_owned();
        subjects.contains(&subject) || (subjects.len() < 8 && subjects.insert(subject))
    });
    let screen = Screen::new(Locale::Vi, true);
    let stage = Stage::open(None, SocketAddr::from(([127, 0, 0, 1], 0)), Tempo::ByHand).await.unwrap();
    let folder = stage.folder().to_owned();
    assert!(folder.join("lienthong.toml").is_file());
    play::all(&stage, events, &screen).await.unwrap();
    let closing = Closing::read(&stage).await.unwrap();
    assert!(closing.is_good());
    assert_eq!(stage.suite.portal.dossiers().len(), 8);
    // The index of the period that the sample plays in, not of the present month, in which there is nothing.
    let shown = closing.json();
    let index = &shown["index"];
    assert_eq!((&index["period"], &index["dossiers"]), (&json!(province::PERIOD), &json!(8)), "{index}");
    let of = index["computed"]["of"].as_i64().unwrap();
    assert!((1..=76).contains(&of), "x of what can be computed, never of 100: {of}");
    let costly = index["costly"].as_array().unwrap();
    assert!(!costly.is_empty() && costly.len() <= 8, "{costly:?}");
    assert!(costly.iter().all(|c| subjects.contains(c["dossier"].as_str().unwrap())), "{costly:?}");
    // The page that it names shows them; the one that opens by itself is empty, and leads there.
    let page = shown["index_page"].as_str().unwrap();
    assert_eq!(page, "/chi-so?period=2026-Q1");
    let browse = async |path: &str| {
        let token = stage.application().token("demo", &[Scope::Read], SignedDuration::from_mins(5)).unwrap();
        let request = Request::builder().uri(path).header("cookie", format!("lienthong={token}"));
        let request = request.body(Body::empty()).unwrap();
        let answer = stage.application().router().oneshot(request).await.unwrap();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    assert!(!browse(page).await.contains("Kỳ này chưa có hồ sơ nào"));
    let empty = browse("/chi-so").await;
    assert!(empty.contains("Kỳ này chưa có hồ sơ nào"), "{empty}");
    assert!(empty.contains("href=\"/chi-so?period=2026-0"), "{empty}");
    assert_eq!(stage.close(&CancellationToken::new()).await, Ending::Clean);
    assert!(!folder.exists(), "the temporary folder stays behind: {}", folder.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relative_data_folder_is_the_one_that_other_commands_find_through_its_configuration() {
    crate::install_crypto();
    let kept = tempfile::tempdir().unwrap();
    let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect::<PathBuf>();
    let relative = up.join(kept.path().strip_prefix("/").unwrap()).join("thu");
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let stage = Stage::open(Some(&relative), listen, Tempo::ByHand).await.unwrap();
    let store = kept.path().join("thu").join("lienthong.sqlite");
    assert!(store.is_file(), "no store in the wanted folder");
    let config = Config::load(&kept.path().join("thu").join("lienthong.toml")).unwrap();
    let named = std::fs::canonicalize(config.installation.data_dir).unwrap();
    assert_eq!(named, std::fs::canonicalize(kept.path().join("thu")).unwrap());
    assert_eq!(stage.close(&CancellationToken::new()).await, Ending::Clean);
}

//! The sandbox in small: the sample province's configuration holds, and a few dossiers come to rest.

use std::{collections::BTreeSet, net::SocketAddr};

use tokio_util::sync::CancellationToken;

use super::{closing::Closing, play, province, stage::Stage, stage::Tempo};
use crate::{cli::Screen, i18n::Locale, lifecycle::Ending};

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
    assert_eq!(stage.close(&CancellationToken::new()).await, Ending::Clean);
    assert!(!folder.exists(), "the temporary folder stays behind: {}", folder.display());
}

//! What happens to dossiers: short lives with supplements, fees, corrections and parcels, sent by a source that repeats
//! itself, mixes up neighbours and sometimes sends nonsense.

use lienthong_core::testing::fixtures::{self, events};
use std::{collections::BTreeMap, time::Duration};

use super::weather::Weather;

/// Everything that is published.
pub struct Lives {
    /// When and what, in the order of publishing.
    pub messages: Vec<(Duration, Vec<u8>)>,
    /// The steps that every dossier's portal history must have: code, contents.
    pub steps: Vec<(String, Vec<String>)>,
    /// The ids of all sound events.
    pub ids: Vec<String>,
    /// All sound events: id, bytes.
    pub sound: Vec<(String, Vec<u8>)>,
    /// What has to be put aside.
    pub unsound: Vec<Vec<u8>>,
    /// What the last correction of a dossier says, if all its events come in order.
    pub notes: BTreeMap<String, String>,
    /// How often each fault of the sources struck.
    pub faults: BTreeMap<&'static str, u64>,
}

/// The time in which events are published.
pub const SPAN_MS: u64 = 240_000;

/// The lives of so many dossiers.
pub fn live(weather: &Weather, dossiers: u32) -> Lives {
    let dice = &weather.dice;
    let mut lives = Lives {
        messages: Vec::new(),
        steps: Vec::new(),
        ids: Vec::new(),
        sound: Vec::new(),
        unsound: Vec::new(),
        notes: BTreeMap::new(),
        faults: BTreeMap::new(),
    };
    for n in 1..=dossiers {
        let code = fixtures::nth_code(n).to_string();
        let mut names = vec!["dossier.received"];
        if dice.strikes(5000) {
            names.push("dossier.processing");
        }
        if dice.strikes(3000) {
            names.extend(["dossier.supplement_requested", "dossier.supplemented"]);
        }
        if dice.strikes(6000) {
            names.push(if dice.strikes(5000) { "fee.requested" } else { "dossier.fee_requested" });
            match dice.pick(0..6) {
                0 => names.push("fee.cancelled"),
                1 => names.push("fee.paid_at_desk"),
                _ => {}
            }
        }
        if dice.strikes(3000) {
            names.push("dossier.extended");
        }
        if dice.strikes(3000) {
            names.push("dossier.corrected");
        }
        names.push("dossier.finished");
        if dice.strikes(5000) {
            names.push("post.return_requested");
            if dice.strikes(1500) {
                names.push("post.cancelled");
            }
        }
        names.push("dossier.returned");

        let mut steps = Vec::new();
        let mut at = dice.pick(0..SPAN_MS / 2);
        let mut messages: Vec<(Duration, Vec<u8>)> = Vec::new();
        for (i, name) in (1_u32..).zip(names) {
            let content = format!("{code} bước {i}");
            let mut event = events::event(name, &code, i);
            if event.json()["data"].get("step").is_some() {
                event = event.with_data("/step/content", content.clone());
                steps.push(content);
            }
            if name == "dossier.corrected" {
                event = event.with_data("/dossier/note", content_note(i));
                lives.notes.insert(code.clone(), content_note(i));
            }
            lives.ids.push(format!("{code}-{i}"));
            lives.sound.push((format!("{code}-{i}"), event.bytes()));
            messages.push((Duration::from_millis(at), event.bytes()));
            at += dice.pick(0..SPAN_MS / 16);
        }
        for i in 1..messages.len() {
            if weather.strikes("events out of order", 300) {
                let (before, after) = (messages[i - 1].0, messages[i].0);
                messages[i - 1].0 = after;
                messages[i].0 = before;
                lives.notes.remove(&code);
            }
        }
        let again: Vec<_> =
            messages.iter().filter(|_| weather.strikes("event published twice", 300)).cloned().collect();
        if weather.strikes("other content under a known id", 300)
            && let Some((at, _)) = messages.first()
        {
            let other = events::event("dossier.received", &code, 1).with_data("/dossier/note", "khác");
            lives.unsound.push(other.bytes());
            messages.push((*at + dice.ms(1..20_000), other.bytes()));
        }
        messages.extend(again.into_iter().map(|(at, body)| (at + dice.ms(0..20_000), body)));
        if weather.strikes("nonsense published", 500) {
            let nonsense = format!("nonsense about {code}").into_bytes();
            lives.unsound.push(nonsense.clone());
            messages.push((Duration::from_millis(at), nonsense));
        }
        lives.messages.extend(messages);
        lives.steps.push((code, steps));
    }
    lives.messages.sort_by_key(|(at, _)| *at);
    lives.faults = weather.faults();
    lives
}

fn content_note(n: u32) -> String {
    format!("ghi chú {n}")
}

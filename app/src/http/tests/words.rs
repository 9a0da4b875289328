//! The translation files: the same keys in both languages, every key that is used, every code that can come.

use lienthong_core::{
    event::{names::EventName, rejection::Reason},
    id::ConnectorId,
    index::{
        check::Check,
        indicator::{Group, Indicator},
        repair::Act,
    },
    operation::{ActionKind, OperationState},
    outcome::Cause,
    parcel::ParcelState,
    payment::{PaymentState, ReferenceState},
    plan::edit::Fixed,
    policy::health::{Hold, Phase, Trouble},
    port::store::ConnectorCondition,
    reconciliation::Kind,
    replay::{ItemState, ReplayState, Treatment},
    sheet::Figure,
    status::PortalStatus,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    http::{advice, console::operations::CAUSES, lanes::OWNERS},
    i18n::{Arg, Locale, number, text_with},
    sheets,
};

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Keys, attributes included, and the values that each names.
fn keys(locale: Locale) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for file in files(&root().join("locales").join(locale.code()), "ftl") {
        let mut message = String::new();
        let mut key = String::new();
        for line in fs::read_to_string(&file).unwrap().lines() {
            if let Some((name, _)) =
                line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_alphabetic()))
            {
                message = name.to_owned();
                key.clone_from(&message);
                assert!(found.insert(key.clone(), BTreeSet::new()).is_none(), "twice: {key}");
            } else if let Some((name, _)) =
                line.trim_start().strip_prefix('.').and_then(|l| l.split_once(" ="))
            {
                key = format!("{message}.{name}");
                assert!(found.insert(key.clone(), BTreeSet::new()).is_none(), "twice: {key}");
            }
            if let Some(values) = found.get_mut(&key) {
                let names = line.split('$').skip(1);
                values.extend(
                    names.map(|n| n.chars().take_while(char::is_ascii_alphanumeric).collect::<String>()),
                );
            }
        }
    }
    found
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_values() {
    let (vi, en) = (keys(Locale::Vi), keys(Locale::En));
    let names = |of: &BTreeMap<String, BTreeSet<String>>| of.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&vi).symmetric_difference(&names(&en)).collect::<Vec<_>>(), Vec::<&String>::new());
    for (key, values) in &vi {
        assert_eq!(Some(values), en.get(key), "{key}");
    }
    assert!(vi.len() > 300);
}

#[test]
fn every_key_that_a_page_uses_exists() {
    let known = keys(Locale::Vi);
    let mut used = BTreeSet::new();
    let sources =
        files(&root().join("src/http"), "rs").into_iter().filter(|p| !p.to_string_lossy().contains("/tests"));
    for path in files(&root().join("templates"), "html").into_iter().chain(sources) {
        let text = fs::read_to_string(&path).unwrap();
        for call in ["w.t(\"", "w.tn(\"", "w.tv(\""] {
            used.extend(
                text.split(call).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned),
            );
        }
        for call in ["unauthorised(\"", "bad(\"", "not_found(\"", "STATUS, \"", "not_found(&visit, \""] {
            used.extend(text.split(call).skip(1).filter_map(|rest| rest.split('"').next()).map(|code| {
                if code.starts_with("notice-") { code.to_owned() } else { format!("error-{code}") }
            }));
        }
    }
    let missing: Vec<_> = used.iter().filter(|key| !known.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(used.len() > 120, "{}", used.len());
}

/// Why a person's decision may not be possible now.
const DEEDS: [&str; 13] = [
    "recreated",
    "fenced",
    "running",
    "ended",
    "reason_missing",
    "no_connector",
    "awaiting",
    "doubtful",
    "begun",
    "snapshot",
    "decision",
    "nothing_to_edit",
    "unchanged",
];

/// Every act of a repair.
const ACTS: [Act; 14] = [
    Act::Deliver,
    Act::SendResult,
    Act::ResultOnceIssued,
    Act::SendFinish,
    Act::SendResumption,
    Act::StateDue,
    Act::StatePayment,
    Act::StateExemption,
    Act::PayOnline,
    Act::StateVerification,
    Act::AttachFile,
    Act::StateDigitised,
    Act::StateChannel,
    Act::Late,
];

#[test]
fn every_code_that_can_come_has_words() {
    let name = |kind: &str, code: &str| format!("{kind}-{}", code.replace('.', "-"));
    let mut wanted: Vec<String> = Vec::new();
    wanted.extend(OperationState::ALL.iter().map(|s| name("state", s.name())));
    wanted.extend(ActionKind::ALL.iter().map(|a| name("action", a.name())));
    wanted.extend(PortalStatus::ALL.iter().map(|s| name("status", &s.code().to_string())));
    wanted.extend(PaymentState::ALL.iter().map(|s| name("payment", s.name())));
    wanted.extend(ReferenceState::ALL.iter().map(|s| name("reference", &s.number().to_string())));
    wanted.extend(ParcelState::ALL.iter().map(|s| name("parcel", s.name())));
    wanted.extend(Fixed::ALL.iter().map(|f| name("edit-fixed", f.code())));
    wanted.extend(Fixed::ALL.iter().map(|f| name("error-edit", f.code()).replacen("edit-", "edit_", 1)));
    wanted.extend(OWNERS.iter().map(|o| name("owner", o)));
    wanted.extend(EventName::ALL.iter().map(|e| name("event", e.as_str())));
    wanted.extend(ReplayState::ALL.iter().map(|s| name("replay", s.name())));
    wanted.extend(Treatment::ALL.iter().map(|t| name("treatment", t.name())));
    wanted.extend(ItemState::ALL.iter().map(|s| name("item", s.name())));
    wanted.extend(["canary_failed", "too_many_failed"].iter().map(|s| name("stopped", s)));
    wanted.extend(["plan", "start", "pause", "resume", "cancel"].iter().map(|o| name("order", o)));
    let adopted = ["found", "sent", "waiting", "held", "stuck", "ended"];
    wanted.extend(adopted.iter().map(|a| name("adopted", a)));
    let outcomes = ["done", "accepted", "refused", "not_done", "held", "paused", "unclear", "running"];
    wanted.extend(outcomes.iter().map(|o| name("outcome", o)));
    wanted.extend(["return", "pickup"].iter().map(|d| name("direction", d)));
    wanted.extend(["amqp", "http", "file"].iter().map(|o| name("origin", o)));
    wanted.extend(Indicator::ALL.iter().map(|i| name("indicator", i.code())));
    wanted.extend(Group::ALL.iter().map(|g| name("group", g.name())));
    wanted.extend(Check::ALL.iter().map(|c| name("check", c.name())));
    wanted.extend(ACTS.iter().map(|a| name("act", a.name())));
    let standings = ["computed", "estimate", "upper_bound", "no_data", "entered", "unknown"];
    wanted.extend(standings.iter().map(|s| name("standing", s)));
    let readings = [
        "by_day",
        "by_second",
        "raw",
        "with_result",
        "finished",
        "all",
        "target_80",
        "target_100",
        "reused",
        "component",
    ];
    wanted.extend(readings.iter().map(|r| name("reading", r)));
    wanted.extend(sheets::MORNING.iter().map(|t| name("sheet", t)));
    wanted.extend(Figure::ALL.iter().map(|f| name("figure", f.name())));
    wanted.extend(Figure::ALL.iter().map(|f| name("figure-what", f.name())));
    wanted.extend((1..=7).map(|day| name("morning-day", &day.to_string())));
    wanted.extend(Kind::ALL.iter().map(|k| name("discrepancy", k.name())));
    wanted.extend(
        ["ask", "resend", "close"]
            .iter()
            .flat_map(|m| [name("move", m), name("move-help", m), name("did", m)]),
    );
    wanted.extend(["opened", "changed", "agreed"].iter().map(|d| name("did", d)));
    wanted.extend(["changed", "open"].iter().map(|r| name("reach", r)));
    wanted.extend(sheets::TABLES.iter().map(|t| name("sheet", t)));
    wanted.extend(DEEDS.iter().map(|d| name("deed", d)));
    for (kind, codes) in [
        ("cause", CAUSES.iter().map(|c| c.code()).collect::<Vec<_>>()),
        ("reason", Reason::ALL.iter().map(|r| r.code()).collect()),
        (
            "need",
            vec![
                "snapshot",
                "mapping",
                "payment",
                "parcel",
                "code",
                "action",
                "decision",
                "void",
                "setting",
                "restore",
                "recreated",
            ],
        ),
        (
            "discrepancy-why",
            vec![
                "report_only",
                "not_cured",
                "not_sent",
                "history_unknown",
                "born_there",
                "changed_there",
                "not_ours",
            ],
        ),
        ("refused", vec!["step", "payment", "parcel", "cancel"]),
        ("waits", vec!["behind", "paused", "retry", "turn", "running", "doubtful", "awaiting"]),
    ] {
        for part in ["", ".who", ".next"] {
            wanted.extend(codes.iter().map(|c| format!("{}{part}", name(kind, c))));
        }
    }
    for cause in CAUSES {
        let known = advice::of_check(cause);
        let said = [known.why(Locale::Vi), known.who(Locale::Vi), known.next(Locale::Vi)];
        assert!(said.iter().all(|text| !text.starts_with("check-")), "{said:?}");
    }
    for locale in Locale::ALL {
        let known = keys(locale);
        let missing: Vec<_> = wanted.iter().filter(|key| !known.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{locale:?}: {missing:?}");
    }
}

#[test]
fn the_list_of_causes_is_whole() {
    // A new cause breaks the build here: it belongs into the filter and the translation files.
    let place = |cause: Cause| match cause {
        Cause::Unreachable => 0,
        Cause::Throttled => 1,
        Cause::PartnerFailed => 2,
        Cause::SessionRejected => 3,
        Cause::CredentialsRejected => 4,
        Cause::PartnerUntrusted => 5,
        Cause::PartnerUnavailable => 6,
        Cause::DataRefused => 7,
        Cause::ForeignRecord => 8,
        Cause::UnknownThere => 9,
        Cause::NoAnswer => 10,
        Cause::Broken => 11,
        Cause::Unreadable => 12,
        Cause::Unlisted => 13,
        Cause::Interrupted => 14,
        Cause::Exhausted => 15,
        Cause::Internal => 16,
    };
    for (at, cause) in CAUSES.into_iter().enumerate() {
        assert_eq!(place(cause), at);
    }
}

#[test]
fn advice_names_what_it_is_about_and_many_are_told_as_one() {
    let one = advice::of_need("mapping:vnpost:ward:99001");
    assert_eq!(one.why(Locale::Vi), "Bảng mã “ward” chưa có dòng cho mã 99001");
    assert_eq!(one.why(Locale::En), "The table “ward” has no entry for code 99001");
    assert!(one.next(Locale::Vi).contains("vnpost"));
    let procedure = advice::of_need("mapping:dvcqg:procedure:XX-9");
    assert!(procedure.next(Locale::Vi).contains("[connector.dvcqg.procedures.table.\"XX-9\"]"));
    let void = advice::of_need("decision:voided:000.00.08.H99-261122-0001");
    assert_eq!(void.why(Locale::Vi), "Xác nhận huỷ hồ sơ 000.00.08.H99-261122-0001");
    let parcel = advice::of_cause_at(Some("data_refused"), "create_parcel").next(Locale::Vi);
    assert!(parcel.contains("post.cancelled") && parcel.contains("mã bưu gửi mới"), "{parcel}");
    let dossier = advice::of_cause_at(Some("data_refused"), "sync_dossier").next(Locale::Vi);
    assert!(dossier.contains("tự thay bản bị từ chối"), "{dossier}");
    let many = advice::of_many(&["snapshot:a-1", "snapshot:a-2", "snapshot:a-3", "snapshot:a-4"]);
    assert_eq!(many.why(Locale::En), "4 dossiers have not come in full yet, e.g. a-1, a-2");
    assert_eq!(advice::of_cause(Some("new_code")).why(Locale::Vi), "Nguyên nhân chưa rõ");
    assert!(!advice::of_pause(Some(Cause::Unreachable)).needs_person);
    assert!(advice::of_pause(Some(Cause::CredentialsRejected)).needs_person);
    assert!(advice::of_incident("refund:TT-1").why(Locale::Vi).contains("TT-1"));
    assert!(advice::of_incident("codes:A-1:B-2").why(Locale::Vi).contains("A-1 · B-2"));
    assert!(advice::of_reason("something").why(Locale::En).contains("something"));
}

#[test]
fn what_waits_behind_a_pause_that_a_person_ends_names_that_person() {
    let operation = super::fake::rich().operations.into_iter().find(|o| o.state == "doubtful").unwrap();
    let since = jiff::Timestamp::UNIX_EPOCH;
    let pause = |cause| {
        let trouble = Trouble { since, cause, said: String::new(), trials: 0 };
        let phase = Phase::Open { trouble, trial_at: since };
        ConnectorCondition { phase, ..ConnectorCondition::works(ConnectorId::parse("dvcqg").unwrap()) }
    };
    let of = |condition| advice::of_operation(&operation, Some(&condition)).unwrap();
    assert!(!of(pause(Cause::Unreachable)).needs_person);
    let refused = of(pause(Cause::CredentialsRejected));
    assert!(refused.needs_person);
    assert_eq!(refused.who(Locale::Vi), "Quản trị hệ thống của tỉnh");
    let hold = Hold { by: "an".into(), reason: "đối chiếu".into(), since, until: None };
    let held = of(ConnectorCondition { hold: Some(hold), ..pause(Cause::CredentialsRejected) });
    assert!(held.why(Locale::Vi).contains("an tạm ngừng"), "{held:?}");
}

#[test]
fn numbers_are_grouped_as_each_language_does() {
    assert_eq!(
        (number(Locale::Vi, 1_234_567), number(Locale::En, -1_000)),
        ("1.234.567".into(), "−1,000".into())
    );
    let said = |l| text_with(l, "matter-count", &[("n", Arg::Count(41_022))]);
    assert_eq!((said(Locale::Vi), said(Locale::En)), ("41.022 thao tác".into(), "41,022 operations".into()));
    assert_eq!(text_with(Locale::En, "matter-count", &[("n", Arg::Count(1))]), "1 operation");
}

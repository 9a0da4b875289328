//! The command line is read as meant, and every text that it uses exists.

use clap::{CommandFactory, Parser};

use super::*;
use crate::i18n::{Arg, find};

fn parse(line: &str) -> Arguments {
    Arguments::try_parse_from(line.split(' ')).unwrap()
}

#[test]
fn the_definition_of_the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn commands_of_the_documentation_are_understood() {
    for line in [
        "lienthong serve --config lienthong.toml",
        "lienthong serve --roles intake,http",
        "lienthong event publish events.jsonl --json",
        "lienthong event validate -",
        "lienthong dossier 000.00.08.H99-261122-0001",
        "lienthong operation list --open --connector dvcqg",
        "lienthong operation retry 7 --reason x",
        "lienthong operation dismiss 7 --reason x",
        "lienthong operation payload 7",
        "lienthong operation edit 7 --file sua.json --reason x",
        "lienthong lane list --state stuck --owner unit",
        "lienthong lane show 7",
        "lienthong ledger show",
        "lienthong ledger audit",
        "lienthong retention --json",
        "lienthong inbound --before 7 --limit 5",
        "lienthong replay plan --partner dvcqg --state stuck,refused --since 2026-11-23 --rate 120 --reason x",
        "lienthong replay plan --partner dvcqg --cause data_refused --dismiss --reason x",
        "lienthong replay list",
        "lienthong replay show 7",
        "lienthong replay start 7",
        "lienthong replay cancel 7 --reason x",
        "lienthong event publish events.jsonl --at-most-waiting 500",
        "lienthong quarantine show 3",
        "lienthong quarantine close 3 --reason x",
        "lienthong dead show",
        "lienthong dead admit --reason x",
        "lienthong catalogue show",
        "lienthong catalogue pull --believe-missing",
        "lienthong catalogue drift --since 2026-11-01",
        "lienthong mapping list --table procedure --withdrawn",
        "lienthong mapping suggest",
        "lienthong mapping confirm procedure DKKS-01 1.001193 --from 2026-12-01 --reason x",
        "lienthong mapping withdraw 7 --reason x",
        "lienthong reconcile dvcqg --now",
        "lienthong reconcile dvcqg --now --changed",
        "lienthong reconcile --show --json",
        "lienthong discrepancy list --kind status.missing --closed",
        "lienthong discrepancy show 7",
        "lienthong discrepancy resend 7 --reason x",
        "lienthong discrepancy close 7 --reason x",
        "lienthong incident list",
        "lienthong incident close 3 --reason x",
        "lienthong index --period 2026-10 --unit 000.00.08.H99 --json",
        "lienthong index --period 2026-Q4 --xlsx chi-so.xlsx",
        "lienthong index --csv chi-so.csv --table repairs --refresh",
        "lienthong index compare cong.json --period 2026-10",
        "lienthong index enter 5.2 --period 2026-10 --points 5.50 --reason x",
        "lienthong sheet",
        "lienthong sheet --unit 000.00.08.H99 --day 2026-11-23 --csv sang.csv --table dossiers",
        "lienthong sheet --day today --xlsx sang.xlsx --json",
        "lienthong status --lang en",
        "lienthong token issue --subject an --scope read,publish --days 30",
        "lienthong config check",
        "lienthong check",
        "lienthong check dvcqg --json",
        "lienthong sandbox --listen 127.0.0.1:0",
        "lienthong demo",
        "lienthong schema --out docs/events",
        "lienthong migrate",
        "lienthong backup /var/backups/lienthong/2026-11-23",
        "lienthong restore /var/backups/lienthong/2026-11-23 --replace",
        "lienthong restore status --steps-until 2026-11-23T08:00:00+07:00",
        "lienthong restore release --reason x --steps-until none",
        "lienthong restore fence",
    ] {
        parse(line);
    }
    assert_eq!(parse("lienthong status").global.lang, Locale::Vi);
    assert!(Arguments::try_parse_from(["lienthong", "operation", "dismiss", "7"]).is_err());
    assert!(Arguments::try_parse_from(["lienthong", "status", "--lang", "fr"]).is_err());
}

#[test]
fn every_command_explains_itself_in_vietnamese_first() {
    fn walk(command: &clap::Command) {
        for inner in command.get_subcommands().filter(|c| c.get_name() != "help") {
            let about = inner.get_about().unwrap_or_else(|| panic!("{}", inner.get_name())).to_string();
            assert!(!about.is_ascii(), "{}: {about}", inner.get_name());
            walk(inner);
        }
        for argument in
            command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str()))
        {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_ascii(), "{} {}: {help:?}", command.get_name(), argument.get_id());
        }
    }
    walk(&Arguments::command());
}

/// The string literals after these calls are keys; found in the sources, so that none is forgotten.
#[test]
fn every_text_that_the_command_line_uses_exists_in_both_languages() {
    let sources = [
        include_str!("api.rs"),
        include_str!("mod.rs"),
        include_str!("check.rs"),
        include_str!("config.rs"),
        include_str!("dead.rs"),
        include_str!("dossier.rs"),
        include_str!("edit.rs"),
        include_str!("event.rs"),
        include_str!("incident.rs"),
        include_str!("lane.rs"),
        include_str!("ledger.rs"),
        include_str!("operation.rs"),
        include_str!("quarantine.rs"),
        include_str!("replay.rs"),
        include_str!("schema.rs"),
        include_str!("serve.rs"),
        include_str!("sheet.rs"),
        include_str!("status.rs"),
        include_str!("../sandbox/mod.rs"),
        include_str!("../sandbox/closing.rs"),
        include_str!("../sandbox/play.rs"),
    ];
    let mut keys: Vec<String> =
        ["done-retry", "done-dismiss", "done-incident", "done-entry"].map(str::to_owned).into();
    for source in sources {
        for call in ["say(\"", "say_with(\"", "row(\"", "say_with(\n        \""] {
            keys.extend(source.split(call).skip(1).filter_map(|s| s.split('"').next()).map(str::to_owned));
        }
        for call in [".table(&[", ".roomy(&["] {
            for heads in source.split(call).skip(1).filter_map(|s| s.split(']').next()) {
                keys.extend(heads.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
        for prefix in ["\"progress-", "\"headline-", "\"closing-", "\"check-"] {
            let ends = source.split(prefix).skip(1).filter_map(|s| s.split('"').next());
            keys.extend(ends.map(|end| format!("{}{end}", prefix.trim_start_matches('"'))));
        }
    }
    for field in ["messages", "operations", "received", "open", "difference", "superseded"] {
        keys.push(format!("ledger-{field}"));
    }
    for verdict in ["accepted", "acceptable", "duplicate", "quarantined"] {
        keys.push(format!("verdict-{verdict}"));
    }
    assert!(keys.len() > 80, "{}", keys.len());
    let words = [
        "id", "state", "after", "url", "urls", "folder", "file", "when", "number", "by", "year", "period",
        "points", "of", "here", "least", "most", "at", "rules", "periods", "command", "day", "days", "years",
    ]
    .map(|name| (name, Arg::Text("x")));
    let counts = [
        "count",
        "dossiers",
        "known",
        "quarantine",
        "seconds",
        "line",
        "column",
        "waiting",
        "highest",
        "received",
        "soon",
        "next",
    ]
    .map(|name| (name, Arg::Count(2)));
    let args = [words.as_slice(), counts.as_slice()].concat();
    for locale in Locale::ALL {
        for key in &keys {
            assert!(
                find(locale, &format!("cli-{key}"), &args).is_some(),
                "{} lacks cli-{key}",
                locale.code()
            );
        }
    }
}

//! The example file is the configuration's documentation: it loads, and it names every key. Complaints show their line.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::*;

const EXAMPLE: &str = include_str!("../../../lienthong.example.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("lienthong.toml", text, None, &BTreeMap::new())
}

fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::parse("lienthong.toml", text, None, &environment)
}

/// Every table of the example, by its path: (`connector`, 0, `dvcqg`, …).
fn tables(value: &toml::Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        toml::Value::Table(table) => {
            found.push(path.clone());
            for (key, inner) in table {
                path.push(key.clone());
                tables(inner, path, found);
                path.pop();
            }
        }
        toml::Value::Array(list) => {
            for (i, inner) in list.iter().enumerate() {
                path.push(i.to_string());
                tables(inner, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn at<'v>(root: &'v mut toml::Value, path: &[String]) -> &'v mut toml::Table {
    let mut value = root;
    for step in path {
        value = match value {
            toml::Value::Table(table) => &mut table[step.as_str()],
            toml::Value::Array(list) => &mut list[step.parse::<usize>().unwrap()],
            other => panic!("{other}"),
        };
    }
    value.as_table_mut().unwrap()
}

/// The keys that a table knows, as serde itself lists them when it meets one that it does not know.
fn known_keys(path: &[String]) -> Option<BTreeSet<String>> {
    let mut root: toml::Value = toml::from_str(EXAMPLE).unwrap();
    at(&mut root, path).insert("zzz".into(), 1.into());
    let message = Config::deserialize(root).err()?.to_string();
    let message = message.lines().find(|l| l.contains("unknown field `zzz`"))?;
    Some(message.split('`').skip(1).step_by(2).filter(|k| *k != "zzz").map(str::to_owned).collect())
}

/// Keys written in the example's text below a table's heading (or inline), commented ones included.
fn written_keys(path: &[String]) -> BTreeSet<String> {
    let mut root: toml::Value = toml::from_str(EXAMPLE).unwrap();
    let mut keys: BTreeSet<String> = at(&mut root, path).keys().cloned().collect();
    let names: Vec<&str> = path.iter().map(String::as_str).filter(|s| s.parse::<usize>().is_err()).collect();
    let heading = names.join(".");
    let mut inside = false;
    for line in EXAMPLE.lines() {
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']).replace('"', "") == heading;
        }
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if let Some((key, _)) = bare.split_once(" = ").filter(|(k, _)| inside && !k.contains(' ')) {
            keys.insert(key.trim_matches('"').to_owned());
        }
    }
    keys
}

#[test]
fn the_example_loads() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.connectors.len(), 3);
    assert_eq!(config.store.kind, StoreKind::Postgres);
    assert!(config.broker.is_some());
}

#[test]
fn every_key_of_every_section_stands_in_the_example() {
    let root: toml::Value = toml::from_str(EXAMPLE).unwrap();
    let mut found = Vec::new();
    tables(&root, &mut Vec::new(), &mut found);
    let mut checked = 0;
    for path in found {
        let Some(known) = known_keys(&path) else { continue };
        checked += 1;
        // The three tables of a connector exclude each other; each has an entry of its own.
        let mut written = written_keys(&path);
        if path.len() == 2 && path[0] == "connector" {
            written.extend(["dvcqg", "dvcqg_payment", "vnpost", "routes"].map(str::to_owned));
        }
        let missing: Vec<_> = known.difference(&written).collect();
        assert!(missing.is_empty(), "[{}] lacks {missing:?} in lienthong.example.toml", path.join("."));
    }
    assert!(checked > 20, "only {checked} sections were looked at");
}

#[test]
fn defaults_in_the_example_are_the_defaults() {
    let (example, usual) = (parse(EXAMPLE).unwrap().engine, Engine::default());
    assert_eq!(format!("{example:?}"), format!("{usual:?}"));
    let broker = parse(EXAMPLE).unwrap().broker.unwrap();
    assert_eq!(format!("{:?}", Broker { url_file: None, ..broker }), format!("{:?}", Broker::default()));
}

#[test]
fn an_empty_file_is_the_embedded_default() {
    let config = parse("").unwrap();
    assert_eq!(config.store.kind, StoreKind::Sqlite);
    assert!(config.broker.is_none());
    assert!(config.http.listen.ip().is_loopback());
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_the_known_ones() {
    let text = "[http]\nlisten = \"127.0.0.1:1\"\nlisen = 2\n";
    let error = parse(text).unwrap_err();
    assert_eq!(&text[error.span().unwrap()], "lisen");
    assert!(error.to_string().contains("lisen"), "{error}");
    assert!(error.remedy().contains("token_secret_file"), "{}", error.remedy());
}

#[test]
fn a_bad_value_is_shown_with_its_line_and_a_remedy() {
    let text = "[engine]\nbatch = 0\n";
    let error = parse(text).unwrap_err();
    assert_eq!(&text[error.span().unwrap()], "0");
    assert!(error.to_string().contains("engine.batch: 0"), "{error}");
    assert!(error.remedy().contains("1 đến 1000"), "{}", error.remedy());
}

#[test]
fn all_complaints_come_at_once() {
    let text = "[installation]\nname = \"tỉnh\"\n[store]\nkind = \"postgres\"\n[[unit]]\ncode = \"A.1\"\nname = \"\"\n\
                [[unit]]\ncode = \"A.1\"\nname = \"\"\n";
    let error = parse(text).unwrap_err();
    let messages = error.messages().join("\n");
    for key in ["installation.name", "store.kind", "unit[1].code"] {
        assert!(messages.contains(key), "{messages}");
    }
}

#[test]
fn variables_of_the_environment_win_and_may_name_list_elements() {
    let text = "[engine]\nbatch = 10\n[[connector]]\nid = \"p\"\nlabel = \"a\"\n[connector.dvcqg]\n\
                adapter_url = \"http://x\"\nusername = \"u\"\nmadonvi = \"m\"\n";
    let config = with(
        text,
        &[
            ("LIENTHONG__ENGINE__BATCH", "20"),
            ("LIENTHONG__CONNECTOR__0__LABEL", "Cổng"),
            ("LIENTHONG__CONNECTOR__0__DVCQG__PASSWORD", "\"123456\""),
            ("LIENTHONG__BROKER__URL", "amqp://127.0.0.1"),
            ("LIENTHONG__BROKER__BINDINGS", "[\"#.dossier.*\"]"),
        ],
    )
    .unwrap();
    assert_eq!(config.engine.batch, 20);
    assert_eq!(config.connectors[0].label, "Cổng");
    let broker = config.broker.unwrap();
    assert_eq!(broker.bindings, ["#.dossier.*"]);
    assert_eq!(broker.url.unwrap().expose_secret(), "amqp://127.0.0.1");
}

#[test]
fn a_wrong_variable_is_named_and_its_value_is_not_shown() {
    for (name, value) in
        [("LIENTHONG__ENGINE__BATCHES", "geheim"), ("LIENTHONG__CONNECTOR__7__LABEL", "geheim")]
    {
        let error = with("", &[(name, value)]).unwrap_err();
        let mut shown = String::new();
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
            .render_report(&mut shown, &error)
            .unwrap();
        assert!(shown.contains(name) || shown.contains("batches"), "{shown}");
        assert!(!shown.contains("geheim"), "{shown}");
    }
}

#[test]
fn secrets_are_blanked_in_shown_lines() {
    let text = "[http]\ntoken_secret = \"geheim-geheim\" \nlisten = 5\n";
    let error = parse(text).unwrap_err();
    let mut shown = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .render_report(&mut shown, &error)
        .unwrap();
    assert!(shown.contains("token_secret ="), "{shown}");
    assert!(!shown.contains("geheim"), "{shown}");
    assert!(!format!("{:?}", parse("[http]\ntoken_secret = \"geheim\"\n").unwrap()).contains("geheim"));
}

#[test]
fn relative_paths_start_from_the_folder_of_the_file_and_secret_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("url"), "postgres://x\n").unwrap();
    let text = "[store]\nkind = \"postgres\"\nurl_file = \"url\"\n";
    let config = Config::parse("f", text, Some(folder.path()), &BTreeMap::new()).unwrap();
    let store = &config.store;
    let url = read_secret("store.url", store.url.as_ref(), store.url_file.as_ref()).unwrap().unwrap();
    assert_eq!(url.expose_secret(), "postgres://x");
    let missing = read_secret("store.url", None, Some(&folder.path().join("nothing"))).unwrap_err();
    assert!(missing.to_string().contains("store.url_file"), "{missing}");
}

#[test]
fn beyond_loopback_a_token_secret_is_required() {
    let error = parse("[http]\nlisten = \"0.0.0.0:8080\"\n").unwrap_err();
    assert!(error.to_string().contains("http.listen"), "{error}");
    assert!(error.remedy().contains("token_secret_file"), "{}", error.remedy());
    assert!(parse("[http]\nlisten = \"0.0.0.0:8080\"\ntoken_secret_file = \"x\"\n").is_ok());
}

#[test]
fn rules_take_sources_units_aliases_and_accounts_over() {
    let rules = rules(&parse(EXAMPLE).unwrap());
    assert_eq!(rules.sources.len(), 1);
    assert_eq!(rules.units.len(), 1);
    assert_eq!(rules.unit_aliases.len(), 1);
    assert_eq!(rules.beneficiaries["KB-000.00.08.H99"].account, "3511099000008");
}

#[test]
fn a_vendor_without_a_name_of_its_own_or_at_an_address_of_ours_is_complained_of() {
    let text = "[[vendor]]\nname = \"a b\"\nsource = \"/motcua/1\"\ncreate_path = \"/v1/events\"\nsession_minutes = 0\n\
                [[vendor]]\nname = \"c\"\nsource = \"/motcua/2\"\nconnector = \"dvcqg\"\nheader = \"X Key\"\n\
                update_path = \"khong-co-gach\"\n[[vendor]]\nname = \"c\"\nsource = \"/motcua/3\"\n";
    let messages = parse(text).unwrap_err().messages().join("\n");
    for key in [
        "vendor[0].name",
        "vendor[0].create_path",
        "vendor[0].session_minutes",
        "vendor[1].connector",
        "vendor[1].header",
        "vendor[1].update_path",
        "vendor[2].name",
    ] {
        assert!(messages.contains(key), "{key}: {messages}");
    }
    let short = parse("[[vendor]]\nname = \"c\"\nsource = \"/motcua/3\"\npassword = \"123456\"\n").unwrap();
    let error = crate::http::vendor::Vendors::of(&short).err().unwrap();
    assert!(
        error.to_string().contains("vendor[0].password") && !error.to_string().contains("123456"),
        "{error}"
    );
}

#[test]
fn a_sheet_has_a_time_of_day_and_two_numbers_of_hours_in_their_order() {
    let config = parse("[sheet]\nat = \"\"\ndue_hours = [8, 8]").unwrap();
    assert_eq!((config.sheet.at.as_str(), config.sheet.keep_days), ("", 90));
    for (key, text) in [
        ("sheet.at", "at = \"7 giờ\""),
        ("sheet.keep_days", "keep_days = 0"),
        ("sheet.due_hours", "due_hours = [72, 24]"),
        ("sheet.due_hours", "due_hours = [0, 24]"),
    ] {
        let said = parse(&format!("[sheet]\n{text}")).unwrap_err().to_string();
        assert!(said.contains(key), "{text}: {said}");
    }
}

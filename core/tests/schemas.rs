//! The published schemas under `docs/events/` are those of the code. `LIENTHONG_BLESS=1 cargo test -p lienthong-core
//! --test schemas` writes them anew.

use lienthong_core::event::schema;
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn the_published_schemas_are_those_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events");
    let bless = std::env::var_os("LIENTHONG_BLESS").is_some();
    let mut names = BTreeSet::new();
    for (name, document) in schema::documents() {
        let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
        let file = folder.join(&name);
        if bless {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &text).unwrap();
        }
        // Compared as values: the order of keys is no part of a schema.
        let published: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&file).unwrap_or_default()).unwrap_or_default();
        assert!(published == document, "{name} differs: run with LIENTHONG_BLESS=1 and review the change");
        names.insert(name);
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.ends_with(".schema.json") || names.contains(&name), "{name} belongs to no event");
    }
}

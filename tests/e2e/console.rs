//! The console in a real browser, on real data, at the widths of a desk and of a phone.

use std::path::Path;

use lienthong_tests::{Plan, World, browser::Browser, traffic};

/// A link that logs in and goes on to a page. It works once.
async fn link(world: &World, page: &str) -> String {
    let (status, issued) =
        world.command(&["token", "issue", "--subject", "test", "--scope", "read,operate"]).await;
    assert!(status.success(), "{issued}");
    format!("{}/login?token={}&next={page}", world.api.base, issued["token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_console_shows_what_it_is_about() {
    let world = Plan::on_servers().open().await;
    let lines = traffic::MESS.lines();
    traffic::published(world.publish("events.jsonl", &lines, &[])).await;
    world.rests(lines.len()).await;
    let (_, held) = world.command(&["operation", "list", "--state", "held"]).await;
    let operation = &held["operations"][0];
    let (id, code) = (operation["id"].to_string(), operation["subject"].as_str().unwrap());
    let (_, kept) = world.command(&["quarantine", "list"]).await;
    let entry = kept["quarantine"][0]["id"].to_string();

    let browser = Browser::new();
    let album = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    std::fs::create_dir_all(&album).unwrap();
    for (name, page, shows) in [
        ("province", "/".to_owned(), "Bưu điện"),
        ("dossier", format!("/ho-so/{code}"), code),
        ("operations", "/thao-tac?open=1".replace('?', "%3F"), code),
        ("operation", format!("/thao-tac/{id}"), code),
        ("index", "/chi-so".to_owned(), "Hồ sơ giải quyết đúng hạn"),
        ("catalogue", "/danh-muc".to_owned(), "Lấy lại danh mục"),
        ("quarantine", "/cach-ly".to_owned(), "<table"),
        ("quarantine-entry", format!("/cach-ly/{entry}"), "specversion"),
    ] {
        let dom = browser.dom(&link(&world, &page).await).await;
        assert!(dom.contains("lang=\"vi\"") && dom.contains(shows), "{page} does not show {shows:?}:\n{dom}");
        for (width, height) in [(1280, 900), (390, 844)] {
            let file = album.join(format!("{name}-{width}.png"));
            browser.screenshot(&link(&world, &page).await, width, height, &file).await;
        }
    }
    // Without a token there is only the door.
    let dom = browser.dom(&format!("{}/cach-ly", world.api.base.replace("127.0.0.1", "localhost"))).await;
    assert!(!dom.contains("specversion") && dom.contains("<form"), "{dom}");
}

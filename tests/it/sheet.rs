//! The morning sheet through the program: figures and the dossiers behind them, files, and the day's sheet as it was.

use lienthong_core::testing::fixtures::{self, UNIT, events::event};
use lienthong_tests::{Place, Plan, World, eventually, province::Tuning};
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(2);

/// The unit's sheet of this moment, once its line says this.
async fn sheet(world: &World, what: &str, expected: &[(&str, i64)]) -> Value {
    let told = async || {
        let (status, answer) = world.command(&["sheet", "--unit", UNIT]).await;
        let line = answer["sheet"]["units"][0].clone();
        let holds = expected.iter().all(|(figure, n)| line[figure] == *n);
        if status.success() && holds { Ok(answer["sheet"].clone()) } else { Err(answer.to_string()) }
    };
    eventually(what, PATIENCE, told).await
}

fn named(sheet: &Value, figure: &str) -> Vec<String> {
    let rows = sheet["rows"].as_array().unwrap().iter().filter(|row| row["figure"] == figure);
    rows.map(|row| row["dossier"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_sees_what_is_late_what_waits_and_what_is_blocked_and_the_morning_stays_as_it_was() {
    let tuning = Tuning { index_seconds: 1, sheet_at: "00:00", ..Tuning::default() };
    let world = Plan { tuning, ..Plan::embedded(Place::Program) }.open().await;
    let code = |n| fixtures::nth_code(n).to_string();
    let late = event("dossier.received", &code(1), 1)
        .with_data("/dossier/received_at", "2026-01-02T08:00:00+07:00")
        .with_data("/dossier/due_at", "2026-01-09T16:30:00+07:00");
    let events =
        [late, event("dossier.received", &code(2), 1), event("dossier.supplement_requested", &code(2), 2)];
    world.api.publish(&events.map(|event| event.bytes())).await;
    world.rests(3).await;
    let morning = sheet(&world, "both are on the sheet", &[("late", 1), ("waiting", 1), ("open", 2)]).await;
    assert_eq!(named(&morning, "late"), [code(1)], "{morning}");
    assert_eq!(named(&morning, "waiting"), [code(2)], "{morning}");
    let row = &morning["rows"][0];
    assert_eq!((&row["since"], &row["officer"]), (&"2026-01-09T16:30:00+07:00".into(), &"Lê Văn Mẫu".into()));
    assert!(row["working_minutes"].as_i64() > Some(0), "{row}");

    // The day's sheet is kept by the timer, since its time has come.
    let kept = async || world.api.try_get("/v1/sheet?day=today").await;
    let kept = eventually("the day's sheet is kept", PATIENCE, kept).await["sheet"].take();
    assert_eq!(kept["is_kept"], true);

    // Somebody holds the portal: what comes now is blocked there. What was kept does not know it.
    let (status, held) = world.command(&["partner", "hold", "dvcqg", "--reason", "bảo trì"]).await;
    assert!(status.success(), "{held}");
    world.api.publish(&[event("dossier.received", &code(3), 1).bytes()]).await;
    let later = sheet(&world, "the new one is blocked", &[("blocked", 1), ("open", 3)]).await;
    let rows = later["rows"].as_array().unwrap();
    let blocked = rows.iter().find(|row| row["figure"] == "blocked").unwrap();
    assert_eq!((&blocked["dossier"], &blocked["partner"]), (&code(3).into(), &"dvcqg".into()), "{later}");
    let (_, again) = world.command(&["sheet", "--day", "today"]).await;
    assert_eq!(again["sheet"], kept, "as it was");

    // The province: one line a unit, the same figures; files.
    let (_, province) = world.command(&["sheet"]).await;
    let totals = &province["sheet"]["totals"];
    assert_eq!((&totals["late"], &totals["blocked"]), (&1.into(), &1.into()), "{province}");
    let (csv, book) = (world.file("sang.csv"), world.file("sang.xlsx"));
    let (path, xlsx) = (csv.display().to_string(), book.display().to_string());
    let (status, answer) = world
        .command(&["sheet", "--unit", UNIT, "--csv", &path, "--xlsx", &xlsx, "--table", "dossiers"])
        .await;
    assert!(status.success(), "{answer}");
    let text = std::fs::read_to_string(csv).unwrap();
    assert!(text.contains(&format!("Quá hạn,{},1.001193,", code(1))), "{text}");
    assert!(std::fs::read(book).unwrap().starts_with(b"PK"));
}

//! The morning sheet from events: what it says moves with the dossiers and with the working hours, and a day's sheet stays as
//! it was.

use jiff::{
    Timestamp,
    civil::{date, time},
};
use lienthong_core::{
    clock::Clock,
    flow::{
        engine::EngineSettings,
        index, partner,
        sheet::{self, Lost, SheetSettings},
    },
    id::ConnectorId,
    outcome::{Cause, Outcome},
    port::sheet::SheetStore,
    sheet::{Figure, Line, Sheet},
    testing::fixtures::{UNIT, events::event},
};

use crate::world::{World, code, rules, settings};

fn at(text: &str) -> Timestamp {
    format!("{text}:00+07:00").parse().unwrap()
}

/// The unit's sheet of this moment, everything before it in it.
async fn now(world: &World, moment: &str) -> Sheet {
    world.clock.set(at(moment));
    world.engine.wake();
    world.settled().await;
    shown(world).await
}

async fn shown(world: &World) -> Sheet {
    index::refresh(&world.engine).await.unwrap();
    sheet::of_unit(&world.engine, world.clock.now(), &Lost::default(), UNIT).await.unwrap()
}

fn named(sheet: &Sheet) -> Vec<(Figure, String)> {
    sheet.rows.iter().map(|row| (row.figure, row.dossier.clone())).collect()
}

#[tokio::test]
async fn a_dossier_goes_from_new_to_due_to_late_and_off_the_sheet() {
    let world = World::running();
    let due = |n, due: &str| event("dossier.received", &code(n), 1).with_data("/dossier/due_at", due);
    world
        .admit([
            due(1, "2026-11-25T17:00:00+07:00"),
            due(2, "2026-12-04T17:00:00+07:00"),
            due(3, "2026-11-25T17:00:00+07:00"),
            event("dossier.supplement_requested", &code(3), 2),
        ])
        .await;
    // Monday 09:00: until Wednesday 17:00 there are 22 and a half working hours.
    let sheet = now(&world, "2026-11-23T09:00").await;
    let first = Line {
        unit: UNIT.into(),
        received_today: 3,
        open: 3,
        due_soon: 1,
        due_next: 1,
        waiting: 1,
        ..Line::default()
    };
    assert_eq!(sheet.lines, [first]);
    let new = |n| (Figure::Received, code(n));
    assert_eq!(
        named(&sheet),
        [(Figure::DueSoon, code(1)), (Figure::Waiting, code(3)), new(3), new(2), new(1)]
    );
    let row = &sheet.rows[0];
    assert_eq!((row.minutes, row.officer.as_str()), (Some(22 * 60 + 30), "Lê Văn Mẫu"));
    let waits = &sheet.rows[1];
    assert_eq!(waits.since, Some(at("2026-11-23T09:00").as_second()));
    assert_eq!(waits.respond_by, Some(at("2026-11-30T17:00").as_second()));

    // Thursday 09:00: an hour and a half of work too late. Who waits for the citizen is not.
    let sheet = now(&world, "2026-11-26T09:00").await;
    assert_eq!(
        named(&sheet),
        [(Figure::Late, code(1)), (Figure::DueNext, code(2)), (Figure::Waiting, code(3))]
    );
    assert_eq!((sheet.lines[0].late_since, sheet.rows[0].minutes), (sheet.rows[0].due, Some(90)));

    world.admit([event("dossier.finished", &code(1), 2)]).await;
    // Tuesday: the citizen's time is over, and the second one is due within four days of work.
    let sheet = now(&world, "2026-12-01T09:00").await;
    assert_eq!(named(&sheet), [(Figure::DueNext, code(2)), (Figure::Waiting, code(3))]);
    let line = &sheet.lines[0];
    assert_eq!((line.open, line.late, line.waiting_over), (2, 0, 1));
    world.admit([event("dossier.supplemented", &code(3), 3)]).await;
    let sheet = now(&world, "2026-12-01T09:10").await;
    assert_eq!(sheet.lines[0].waiting, 0);
    assert_eq!(named(&sheet)[0], (Figure::Late, code(3)), "its new due time is past: {:?}", sheet.rows);
}

#[tokio::test]
async fn what_does_not_reach_a_partner_is_named_with_the_partner_and_since_when() {
    let world = World::running();
    let portal = ConnectorId::parse("dvcqg").unwrap();
    world.portal.always(Outcome::refused(Cause::DataRefused, "1", "mã thủ tục"));
    world.admit([event("dossier.received", &code(1), 1)]).await;
    let sheet = now(&world, "2026-11-23T09:00").await;
    assert_eq!(sheet.lines[0].blocked, 1, "{sheet:?}");
    let row = sheet.rows.iter().find(|row| row.figure == Figure::Blocked).unwrap();
    assert_eq!((row.partner.as_deref(), row.dossier.as_str()), (Some("dvcqg"), code(1).as_str()));
    assert_eq!(row.cause.as_deref(), Some(Cause::DataRefused.code()));
    assert_eq!((row.officer.as_str(), row.procedure.as_str()), ("Lê Văn Mẫu", "1.001193"));

    // Somebody holds the portal: what comes now is blocked from when it came, and nothing was refused.
    partner::hold(&world.engine, &portal, "an", "bảo trì", None).await.unwrap();
    world.clock.set(at("2026-11-23T10:00"));
    world.admit([event("dossier.received", &code(2), 1)]).await;
    world.clock.set(at("2026-11-23T13:30"));
    let sheet = shown(&world).await;
    let blocked: Vec<_> = sheet.rows.iter().filter(|row| row.figure == Figure::Blocked).collect();
    assert_eq!((sheet.lines[0].blocked, blocked.len()), (2, 2), "{blocked:?}");
    assert_eq!(blocked[1].dossier, code(2));
    assert_eq!(blocked[1].since, Some(at("2026-11-23T10:00").as_second()));
    assert_eq!((blocked[1].minutes, blocked[1].cause.as_deref()), (Some(120), None));
    let all = sheet::province(&world.engine, world.clock.now(), &Lost::default()).await.unwrap();
    assert_eq!(all.lines, sheet.lines, "the province's line is the unit's");
    assert_eq!(all.totals().blocked, 2);
}

fn keeping(keep_days: i32) -> World {
    let sheet = SheetSettings { at: Some(time(7, 30, 0, 0)), keep_days, ..SheetSettings::default() };
    let mut world = World::with_settings(rules(), |portal| portal, EngineSettings { sheet, ..settings() });
    world.start();
    world
}

#[tokio::test]
async fn the_days_sheet_is_kept_once_when_its_time_has_come_and_stays_as_it_was() {
    let world = keeping(2);
    let round = async |moment: &str| {
        world.clock.set(at(moment));
        sheet::round(&world.engine).await.unwrap();
        world.store.sheet_days().await.unwrap()
    };
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    // Monday: before facts were ever made there is nothing to keep.
    assert!(round("2026-11-23T09:00").await.is_empty());
    index::refresh(&world.engine).await.unwrap();
    // It was due at 07:30: after a standstill it is kept late, and says so.
    let monday = date(2026, 11, 23);
    assert_eq!(round("2026-11-23T09:10").await, [monday]);
    let kept = sheet::kept(&world.engine, monday, "").await.unwrap().unwrap();
    assert_eq!(kept.taken_us, at("2026-11-23T09:10").as_microsecond());
    assert_eq!((kept.lines[0].received_today, kept.lines[0].lost.is_some()), (1, true), "{kept:?}");
    let unit = sheet::kept(&world.engine, monday, UNIT).await.unwrap().unwrap();
    assert_eq!((unit.lines, unit.rows.len()), (kept.lines.clone(), 2), "due and new");

    // What happens later the same day does not change it; another day has its own.
    world.admit([event("dossier.received", &code(2), 1)]).await;
    world.settled().await;
    assert_eq!(round("2026-11-23T16:00").await, [monday]);
    assert_eq!(sheet::kept(&world.engine, monday, "").await.unwrap().unwrap(), kept);
    assert_eq!(round("2026-11-24T07:29").await, [monday], "its time has not come");
    let tuesday = date(2026, 11, 24);
    assert_eq!(round("2026-11-24T07:30").await, [tuesday, monday]);
    let second = sheet::kept(&world.engine, tuesday, "").await.unwrap().unwrap();
    assert_eq!((second.lines[0].received_today, second.lines[0].received_before), (0, 2));
    // What was lost is reckoned once a day: a sheet of now has it from the morning.
    let lost = sheet::kept_loss(&world.engine, at("2026-11-24T10:00")).await.unwrap().unwrap();
    assert_eq!(lost.at_us, Some(at("2026-11-24T07:30").as_microsecond()));
    assert_eq!(sheet::kept_loss(&world.engine, at("2026-12-01T06:00")).await.unwrap(), None, "another month");
    // Two days are kept.
    assert_eq!(round("2026-11-26T08:00").await, [date(2026, 11, 26), tuesday]);
    assert_eq!(sheet::kept(&world.engine, monday, UNIT).await.unwrap(), None);
}

#[tokio::test]
async fn a_timer_keeps_it() {
    let world = keeping(90);
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    // The first round makes the timers, the second runs those of the facts and of the sheet, the third the sheet's again.
    for _ in 0..3 {
        world.run_timers().await;
        world.advance(900);
    }
    assert_eq!(world.store.sheet_days().await.unwrap(), [date(2026, 11, 23)]);
}

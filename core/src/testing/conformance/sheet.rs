//! The morning sheet: figures by unit, the dossiers behind them, what is blocked, and sheets that are kept.

use jiff::civil::{Date, date};

use super::{
    harness::{Harness, Verdict, ensure_eq},
    seed,
};
use crate::{
    id::UnitCode,
    index::{
        facts::Facts,
        tally::{AtPortal, FactRow},
    },
    operation::OperationState,
    outcome::Cause,
    port::sheet::{OnSheet, SheetAsk},
    sheet::{Line, Window},
    testing::fixtures::{self, morning},
};

const ONE: &str = "000.00.08.H99";
/// Its hours differ.
const DESK: &str = "000.00.09.H99";

fn row(dossier: i64, unit: &str, facts: Facts) -> FactRow {
    FactRow {
        dossier,
        code: format!("000.00.08.H99-261123-{dossier:04}"),
        unit: UnitCode::parse(unit).ok(),
        anchor: facts.anchor(),
        known: Facts { officer: "Trần Thị Mẫu".into(), ..facts },
        portal: AtPortal::Same,
    }
}

/// Received long ago and in work.
fn work(due: Option<i64>) -> Facts {
    Facts { received: Some(10), status: 4, due, ..Facts::default() }
}

fn ask() -> SheetAsk {
    let usual = Window { before: 800, today: 900, now: 1_000, soon: 1_100, next: 1_300 };
    let desk = Window { before: 850, soon: 1_050, next: 1_200, ..usual };
    SheetAsk { usual, units: vec![(fixtures::unit(DESK), desk)], shut: Vec::new() }
}

fn codes(rows: &[FactRow]) -> Vec<i64> {
    rows.iter().map(|row| row.dossier).collect()
}

pub(super) async fn figures_go_by_each_units_own_moments(h: &Harness) -> Verdict {
    let waits = |asked: Option<i64>, respond_by| Facts {
        status: 5,
        supplements: asked.map(|at| (at, None)).into_iter().collect(),
        respond_by,
        ..work(Some(5))
    };
    let rows = vec![
        // A second ago; just now; at the end of either time, and a second later.
        row(1, ONE, work(Some(999))),
        row(2, ONE, work(Some(1_000))),
        row(3, ONE, work(Some(1_100))),
        row(4, ONE, work(Some(1_101))),
        row(5, ONE, work(Some(1_300))),
        row(6, ONE, work(Some(1_301))),
        row(7, ONE, work(None)),
        row(8, ONE, work(Some(200))),
        // The desk has less time until then.
        row(9, DESK, work(Some(1_100))),
        row(10, DESK, work(Some(1_201))),
        // Past their due time, but the citizen is asked.
        row(11, ONE, waits(Some(700), Some(999))),
        row(12, ONE, waits(Some(600), Some(1_000))),
        row(13, ONE, waits(None, None)),
        // Ended, though late; never received.
        row(14, ONE, Facts { status: 9, received: Some(900), ..work(Some(20)) }),
        row(15, ONE, Facts { status: 1, received: None, submitted: Some(950), ..work(Some(20)) }),
        // Received before today, before that, and to come; and where the last working day began later.
        row(16, ONE, Facts { status: 10, received: Some(899), ..Facts::default() }),
        row(17, ONE, Facts { status: 10, received: Some(799), ..Facts::default() }),
        row(18, ONE, Facts { status: 10, received: Some(1_001), ..Facts::default() }),
        row(19, DESK, Facts { status: 10, received: Some(849), ..Facts::default() }),
        row(20, DESK, Facts { status: 10, received: Some(1_000), ..Facts::default() }),
        // Of no unit.
        row(21, "", work(Some(1))),
    ];
    h.store.keep_index_facts(&rows).await?;
    let lines = h.second.sheet_lines(&ask()).await?;
    let nobody = Line { open: 1, late: 1, late_since: Some(1), ..Line::default() };
    let one = Line {
        unit: ONE.into(),
        received_today: 1,
        received_before: 1,
        open: 11,
        due_soon: 2,
        due_next: 4,
        late: 2,
        late_since: Some(200),
        waiting: 3,
        waiting_over: 1,
        ..Line::default()
    };
    let desk = Line { unit: DESK.into(), received_today: 1, open: 2, due_next: 1, ..Line::default() };
    ensure_eq!(lines, vec![nobody, one, desk], "the figures, by unit");
    let late = OnSheet::Due { from: i64::MIN, until: 1_000 };
    let due = OnSheet::Due { from: 1_000, until: 1_101 };
    ensure_eq!(codes(&h.second.sheet_facts(ONE, late, 10).await?), vec![8, 1], "late ones, the latest first");
    ensure_eq!(codes(&h.second.sheet_facts(ONE, due, 10).await?), vec![2, 3], "what is due");
    ensure_eq!(codes(&h.second.sheet_facts(ONE, due, 1).await?), vec![2], "no more than wanted");
    ensure_eq!(codes(&h.second.sheet_facts("", late, 10).await?), vec![21], "of no unit");
    let waiting = h.second.sheet_facts(ONE, OnSheet::Waiting, 10).await?;
    ensure_eq!(codes(&waiting), vec![12, 11, 13], "waiting ones, the longest first");
    let new = OnSheet::Received { from: 800, until: 1_000 };
    ensure_eq!(codes(&h.second.sheet_facts(ONE, new, 10).await?), vec![14, 16], "new ones, the newest first");
    ensure_eq!(waiting.first().cloned(), Some(rows[11].clone()), "rows come back whole");
    // A row that says something else is counted by what it says now.
    let ended = row(8, ONE, Facts { status: 9, ..work(Some(200)) });
    h.store.keep_index_facts(&[ended]).await?;
    let lines = h.second.sheet_lines(&ask()).await?;
    ensure_eq!(lines.iter().map(|l| l.late).collect::<Vec<_>>(), vec![1, 1, 0], "one is not late any more");
    Ok(())
}

pub(super) async fn the_latest_anchor_is_found_by_going_back(h: &Harness) -> Verdict {
    ensure_eq!(h.second.index_latest(i64::MAX).await?, None, "without any");
    let rows: Vec<FactRow> = [Some(100), Some(300), None]
        .into_iter()
        .zip(1..)
        .map(|(received, n)| row(n, ONE, Facts { received, ..work(None) }))
        .collect();
    h.store.keep_index_facts(&rows).await?;
    for (until, latest) in [(i64::MAX, Some(300)), (300, Some(100)), (100, None)] {
        ensure_eq!(h.second.index_latest(until).await?, latest, "before {until}");
    }
    Ok(())
}

pub(super) async fn what_does_not_move_is_told_by_dossier_and_since_when(h: &Harness) -> Verdict {
    let rows = h
        .unit(seed::nothing(), |work| {
            let states = [
                (1, OperationState::Stuck),
                (2, OperationState::Held),
                (3, OperationState::Ready),
                (4, OperationState::Doubtful),
                (5, OperationState::Awaiting),
            ];
            let mut rows = Vec::new();
            for (n, state) in states {
                let code = fixtures::nth_code(n);
                let dossier = fixtures::dossier(work.id(), &code);
                seed::put_dossier(work, &dossier);
                let mut lane = seed::lane_with(work, code.as_str(), &[(state, morning(9))]);
                let head = &mut lane.open[0];
                (head.dossier, head.subject) = (Some(dossier.row), Some(code));
                (head.unit, head.created_at) = (Some(fixtures::unit(ONE)), morning(i64::from(n)));
                head.cause = (state == OperationState::Stuck).then_some(Cause::DataRefused);
                seed::put_lane(work, lane);
                rows.push(dossier.row);
            }
            rows
        })
        .await?;
    // The first dossier is with another unit now.
    let moved = FactRow { code: fixtures::nth_code(1).to_string(), ..row(rows[0], DESK, work(None)) };
    h.store.keep_index_facts(std::slice::from_ref(&moved)).await?;
    let open = h.second.blocked_lanes(&ask(), None, 10).await?;
    let told: Vec<_> =
        open.iter().map(|l| (l.dossier.clone(), l.unit.as_str(), l.cause.as_deref())).collect();
    let code = |n| fixtures::nth_code(n).to_string();
    let refused = Some(Cause::DataRefused.code());
    ensure_eq!(told, vec![(code(2), ONE, None), (code(1), DESK, refused)], "held and stuck ones, by unit");
    ensure_eq!(open[1].facts.as_ref(), Some(&moved.known), "what is known of the dossier");
    // Behind a partner that is sent nothing also what could go and what is in doubt, not what the partner has.
    let since = morning(4).as_microsecond();
    let shut = SheetAsk { shut: vec![(fixtures::connector(seed::PORTAL), since)], ..ask() };
    let of_one = h.second.blocked_lanes(&shut, Some(ONE), 10).await?;
    let told: Vec<_> =
        of_one.iter().filter(|l| l.dossier != code(2)).map(|l| (l.dossier.clone(), l.since)).collect();
    let since = morning(4).as_second();
    ensure_eq!(told, vec![(code(3), since), (code(4), since)], "since the pause, or since it was planned");
    ensure_eq!(h.second.blocked_lanes(&shut, None, 1).await?.len(), 2, "the first one of every unit");
    let lines = h.second.sheet_lines(&shut).await?;
    let counts: Vec<_> = lines.iter().map(|line| (line.unit.as_str(), line.blocked)).collect();
    ensure_eq!(counts, vec![(ONE, 3), (DESK, 1)], "how many, by unit");
    Ok(())
}

pub(super) async fn sheets_are_kept_for_a_time_as_they_were(h: &Harness) -> Verdict {
    let days: [Date; 3] = [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)];
    let keep = async |day: Date, unit: &str, body: &str, oldest: Date| {
        h.store.keep_sheets(day, &[(unit.to_owned(), body.to_owned())], oldest).await
    };
    for day in days {
        keep(day, ONE, "{\"a\":1}", days[0]).await?;
    }
    ensure_eq!(h.second.sheet_days().await?, Vec::<Date>::new(), "a day counts once the province's is there");
    for day in days {
        keep(day, "", "\"Mẫu\"", days[0]).await?;
    }
    ensure_eq!(h.second.sheet_days().await?, vec![days[2], days[1], days[0]], "the latest first");
    keep(days[2], "", "again", days[1]).await?;
    ensure_eq!(h.second.sheet_days().await?, vec![days[2], days[1]], "the oldest goes");
    ensure_eq!(h.second.kept_sheet(days[0], ONE).await?, None, "with those of its units");
    ensure_eq!(h.second.kept_sheet(days[2], "").await?, Some("again".to_owned()), "a later one in its place");
    ensure_eq!(h.second.kept_sheet(days[1], ONE).await?, Some("{\"a\":1}".to_owned()), "byte for byte");
    h.store.keep_sheets(days[2], &[], days[2]).await?;
    ensure_eq!(h.second.sheet_days().await?, vec![days[2]], "also if none comes");
    Ok(())
}

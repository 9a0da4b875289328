//! The questions of people, from one snapshot each; the front page is in `overview.rs`.

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed::{self, PAY, PORTAL, POST},
    whole::AWKWARD,
};
use crate::{
    id::RowId,
    operation::{Attempt, OperationState, Payload},
    outcome::{Cause, Proof},
    parcel::ParcelState,
    port::{
        views::{OperationFilter, OperationView},
        work::{IncidentRecord, Loaded, QuarantineRecord, VersionRecord, Work},
    },
    testing::fixtures::{self, morning},
};

pub(super) fn quarantined(row: RowId, full: bool) -> QuarantineRecord {
    let word = |text: &str| full.then(|| text.to_owned());
    QuarantineRecord {
        row,
        origin: "amqp".into(),
        source: word(fixtures::SOURCE),
        event_id: word("e-9"),
        subject: word("x"),
        event_type: word("vn.motcua.dossier.received.v1"),
        reason: "data_invalid".into(),
        path: "/data/dossier/code".into(),
        expected: "mã hồ sơ".into(),
        got: AWKWARD.into(),
        raw: vec![0, 0xff, b'{', 0xc3, 0x28],
    }
}

/// A small province: one dossier with everything, and lanes in several states.
pub(super) fn populate(work: &mut Work) -> Vec<RowId> {
    let code = fixtures::nth_code(1);
    let mut dossier = fixtures::dossier(work.id(), &code);
    dossier.version = 2;
    seed::put_dossier(work, &dossier);
    let first = r#"{"code": "000.00.08.H99-261123-0001", "fields":{}, "status":1}"#;
    work.new_versions.push(VersionRecord { dossier: dossier.row, version: 1, state: first.into(), event: 0 });
    work.new_aliases.push((fixtures::code("G22.99-261123-000001"), dossier.row));
    let mut event = fixtures::event(work.id(), "e-1", Some(&dossier));
    (event.planned, event.note) = (2, Some("ghi nhận".into()));
    let second = fixtures::event(work.id(), "e-2", Some(&dossier));
    let elsewhere = fixtures::event(work.id(), "e-3", None);
    work.new_events.extend([event.clone(), second, elsewhere]);

    let (ready, stuck) = ((OperationState::Ready, morning(5)), (OperationState::Stuck, morning(6)));
    let mut lane = seed::lane_with(work, code.as_str(), &[ready, stuck, ready]);
    let mut ids: Vec<RowId> = lane.open.iter().map(|o| o.id).collect();
    for operation in &mut lane.open {
        (operation.dossier, operation.version, operation.event) = (Some(dossier.row), Some(1), event.row);
    }
    let done = &mut lane.open[0];
    let now = work.now;
    seed::ended(done, OperationState::Succeeded, now);
    done.proof = Some(Proof { said: "ok".into(), ..Proof::default() });
    done.attempt = Some(Attempt {
        number: 2,
        started_at: morning(8),
        ended_at: Some(morning(9)),
        outcome: Some("done".into()),
        cause: None,
        said: None,
        holder: "one".into(),
    });
    work.past_attempts.push((
        done.id,
        Attempt {
            number: 1,
            started_at: morning(6),
            ended_at: Some(morning(7)),
            outcome: Some("not_done".into()),
            cause: Some(Cause::Unreachable),
            said: Some(AWKWARD.into()),
            holder: "one".into(),
        },
    ));
    (lane.open[1].cause, lane.open[1].said) = (Some(Cause::DataRefused), Some(AWKWARD.into()));
    lane.open[1].decided_by = Some("admin: thử lại".into());
    lane.open[2].payload =
        std::sync::Arc::new(Payload::AppendProgress { steps: vec![fixtures::step("một")] });
    seed::put_lane(work, lane);

    let mut held = seed::lane_with(work, "k-held", &[(OperationState::Held, morning(0)), ready]);
    held.open[0].unit = Some(fixtures::unit("000.00.09.H99"));
    held.open[0].created_at = morning(-60);
    held.open[1].unit = None;
    ids.extend(held.open.iter().map(|o| o.id));
    seed::put_lane(work, held);
    let key = "snapshot:k-held".to_owned();
    work.opened.push(IncidentRecord { key, connector: None, said: "chờ hồ sơ".into() });

    let mut payment = fixtures::payment(work.id(), "TT-1", &dossier, PAY, morning(0));
    payment.references[0].paid_at = Some(morning(50));
    work.payments.insert(payment.id.clone(), Loaded::fresh(payment));
    let mut parcel = fixtures::parcel(work.id(), "BG-1", &dossier, POST);
    (parcel.state, parcel.moved_at) = (ParcelState::Moving, Some(morning(60)));
    (parcel.item_code, parcel.last_move) = (Some("EB1".into()), Some("100 Phát thành công".into()));
    work.parcels.insert(parcel.id.clone(), Loaded::fresh(parcel));
    let entry = quarantined(work.id(), true);
    work.new_quarantine.push(entry);
    work.outbox.extend(["o-1", "o-2"].map(seed::out_event));
    ids
}

pub(super) async fn a_timeline_tells_everything_about_a_dossier(h: &Harness) -> Verdict {
    let ids = h.unit(seed::nothing(), populate).await?;
    ensure_eq!(
        h.views.timeline(fixtures::nth_code(404).as_str()).await?,
        None,
        "the timeline of an unknown code"
    );
    ensure_eq!(
        h.views.timeline("no code at all '").await?,
        None,
        "the timeline of something that is no code"
    );
    let code = fixtures::nth_code(1);
    let Some(timeline) = h.views.timeline(code.as_str()).await? else {
        ensure!(false, "expected a timeline of {code}");
        return Ok(());
    };
    ensure_eq!(
        h.views.timeline("G22.99-261123-000001").await?,
        Some(timeline.clone()),
        "the timeline by alias"
    );
    let head = (timeline.code.as_str(), timeline.known, timeline.unit.as_deref(), timeline.version);
    ensure_eq!(head, (code.as_str(), true, Some(fixtures::UNIT), 2), "code, known, unit, version");
    ensure_eq!(timeline.aliases, vec!["G22.99-261123-000001".to_owned()], "aliases");
    let newest = seed::state_text(&fixtures::dossier(1, &code));
    ensure_eq!(timeline.state.as_str(), &*newest, "the newest state");
    let events: Vec<_> =
        timeline.events.iter().map(|e| (e.id.as_str(), e.planned, e.note.as_deref())).collect();
    ensure_eq!(events, vec![("e-1", 2, Some("ghi nhận")), ("e-2", 0, None)], "events in order");
    let event = &timeline.events[0];
    let fields = (event.source.as_str(), event.name.as_str(), event.sequence, event.late, event.at_us);
    let expected = (fixtures::SOURCE, "dossier.received", Some(1), false, morning(0).as_microsecond());
    ensure_eq!(fields, expected, "an event's fields");
    ensure!(
        event.received_us > 0 && event.body.contains("e-1"),
        "expected when it came and its body, got {event:?}"
    );
    let operations: Vec<_> =
        timeline.operations.iter().map(|o| (o.id, o.state.as_str(), o.is_head)).collect();
    let expected = vec![(ids[0], "succeeded", false), (ids[1], "stuck", true), (ids[2], "ready", false)];
    ensure_eq!(operations, expected, "operations in order, with the head of the lane");
    let attempts: Vec<_> = timeline.attempts.iter().map(|a| (a.operation, a.number)).collect();
    ensure_eq!(attempts, vec![(ids[0], 1), (ids[0], 2)], "attempts of those operations, the latest included");
    let payments: Vec<_> =
        timeline.payments.iter().map(|p| (p.id.as_str(), p.state.as_str(), p.amount)).collect();
    ensure_eq!(payments, vec![("TT-1", "open", 8000)], "payments");
    let references = &timeline.payments[0].references;
    let paid: Vec<_> = references.iter().map(|r| (r.state, r.paid_us, r.pay_url.is_some())).collect();
    ensure_eq!(paid, vec![(2, Some(morning(50).as_microsecond()), true)], "references of the payment");
    let parcels: Vec<_> = timeline
        .parcels
        .iter()
        .map(|p| {
            (
                p.id.as_str(),
                p.order_number.as_str(),
                p.direction.as_str(),
                p.state.as_str(),
                p.item_code.as_deref(),
            )
        })
        .collect();
    ensure_eq!(parcels, vec![("BG-1", "BG-1", "return", "moving", Some("EB1"))], "parcels");
    let moved = (timeline.parcels[0].moved_us, timeline.parcels[0].last_move.as_deref());
    ensure_eq!(
        moved,
        (Some(morning(60).as_microsecond()), Some("100 Phát thành công")),
        "the parcel's latest movement"
    );
    Ok(())
}

pub(super) async fn operations_are_found_by_every_filter(h: &Harness) -> Verdict {
    let ids = h.unit(seed::nothing(), populate).await?;
    let all = || OperationFilter { limit: 100, ..OperationFilter::default() };
    let text = |t: &str| Some(t.to_owned());
    let (succeeded, stuck, steps, held, unknown) = (ids[0], ids[1], ids[2], ids[3], ids[4]);
    let filters: [(&str, OperationFilter, Vec<RowId>); 13] = [
        ("none", all(), ids.clone()),
        ("connector", OperationFilter { connector: text(PORTAL), ..all() }, ids.clone()),
        ("another connector", OperationFilter { connector: text(POST), ..all() }, vec![]),
        ("action", OperationFilter { action: text("append_progress"), ..all() }, vec![steps]),
        ("state", OperationFilter { state: Some(OperationState::Stuck), ..all() }, vec![stuck]),
        ("ended state", OperationFilter { state: Some(OperationState::Succeeded), ..all() }, vec![succeeded]),
        ("unit", OperationFilter { unit: text("000.00.09.H99"), ..all() }, vec![held]),
        ("cause", OperationFilter { cause: text("data_refused"), ..all() }, vec![stuck]),
        ("need", OperationFilter { need: text("snapshot:k-held"), ..all() }, vec![held]),
        ("open only", OperationFilter { open_only: true, ..all() }, vec![stuck, steps, held, unknown]),
        ("after", OperationFilter { after: stuck, ..all() }, vec![steps, held, unknown]),
        ("limit", OperationFilter { limit: 2, ..all() }, vec![succeeded, stuck]),
        (
            "several",
            OperationFilter {
                action: text("sync_dossier"),
                open_only: true,
                after: succeeded,
                limit: 1,
                ..all()
            },
            vec![stuck],
        ),
    ];
    for (by, filter, expected) in filters {
        let found: Vec<_> = h.views.operations(&filter).await?.into_iter().map(|o| o.id).collect();
        ensure_eq!(found, expected, "operations by {by}, by ascending number");
    }
    let ends = [OperationState::Refused, OperationState::Superseded, OperationState::Dismissed];
    let ended = h
        .unit(seed::nothing(), move |work| {
            let ready = (OperationState::Ready, morning(0));
            let mut lane = seed::lane_with(work, "k-ended", &[ready, ready, ready]);
            for (operation, end) in lane.open.iter_mut().zip(ends) {
                seed::ended(operation, end, work.now);
            }
            let ids: Vec<RowId> = lane.open.iter().map(|o| o.id).collect();
            seed::put_lane(work, lane);
            ids
        })
        .await?;
    for (state, id) in ends.into_iter().zip(ended) {
        let filter = OperationFilter { state: Some(state), ..all() };
        let found: Vec<_> = h.views.operations(&filter).await?.into_iter().map(|o| o.id).collect();
        ensure_eq!(found, vec![id], "operations that are {}", state.name());
    }
    Ok(())
}

pub(super) async fn an_operation_is_shown_with_its_attempts_and_state(h: &Harness) -> Verdict {
    let ids = h.unit(seed::nothing(), populate).await?;
    ensure_eq!(h.views.operation(404_404).await?, None, "an unknown operation");
    let Some((stuck, attempts, state)) = h.views.operation(ids[1]).await? else {
        ensure!(false, "expected operation {}", ids[1]);
        return Ok(());
    };
    let code = fixtures::nth_code(1);
    let expected = OperationView {
        edits: 0,
        begun: false,
        id: ids[1],
        connector: PORTAL.into(),
        action: "sync_dossier".into(),
        lane: code.to_string(),
        position: 2,
        is_head: true,
        subject: Some(code.to_string()),
        unit: Some(fixtures::UNIT.into()),
        version: Some(1),
        state: "stuck".into(),
        need: None,
        cause: Some("data_refused".into()),
        said: Some(AWKWARD.into()),
        attempts: 0,
        due_us: morning(6).as_microsecond(),
        created_us: morning(0).as_microsecond(),
        ended_us: None,
        superseded_by: None,
        decided_by: Some("admin: thử lại".into()),
        payload: r#"{"action":"sync_dossier"}"#.into(),
        proof: None,
        event: stuck.event,
    };
    ensure_eq!(stuck, expected, "the operation, field by field");
    ensure_eq!(attempts, vec![], "attempts of an operation without any");
    let expected = r#"{"code": "000.00.08.H99-261123-0001", "fields":{}, "status":1}"#;
    ensure_eq!(state.as_deref(), Some(expected), "the state that it carries: version 1, byte for byte");
    let Some((done, attempts, _)) = h.views.operation(ids[0]).await? else { return Ok(()) };
    ensure!(done.ended_us.is_some() && done.proof.is_some(), "expected an end and a proof, got {done:#?}");
    let shown: Vec<_> = attempts
        .iter()
        .map(|a| (a.number, a.outcome.as_deref(), a.cause.as_deref(), a.said.as_deref(), a.holder.as_str()))
        .collect();
    let expected = vec![
        (1, Some("not_done"), Some("unreachable"), Some(AWKWARD), "one"),
        (2, Some("done"), None, None, "one"),
    ];
    ensure_eq!(shown, expected, "attempts in order, the latest last");
    let times: Vec<_> = attempts.iter().map(|a| (a.started_us, a.ended_us)).collect();
    let us = |s| morning(s).as_microsecond();
    ensure_eq!(times, vec![(us(6), Some(us(7))), (us(8), Some(us(9)))], "when the attempts began and ended");
    let Some((held, _, state)) = h.views.operation(ids[3]).await? else { return Ok(()) };
    ensure_eq!(
        (held.need.as_deref(), state),
        (Some("snapshot:k-held"), None),
        "need and state without a dossier"
    );
    Ok(())
}

pub(super) async fn quarantine_is_shown_by_number(h: &Harness) -> Verdict {
    let rows = h
        .unit(seed::nothing(), |work| {
            let rows = [work.id(), work.id(), work.id()];
            work.new_quarantine.extend(rows.map(|row| quarantined(row, row == rows[0])));
            rows
        })
        .await?;
    let numbers =
        |views: &[crate::port::views::QuarantineView]| views.iter().map(|v| v.id).collect::<Vec<_>>();
    let all = h.views.quarantine(0, 10).await?;
    ensure_eq!(numbers(&all), rows.to_vec(), "all entries by number");
    ensure!(all.iter().all(|v| v.raw.is_empty()), "expected a list without bytes");
    ensure_eq!(numbers(&h.views.quarantine(rows[0], 1).await?), vec![rows[1]], "one entry above the first");
    for (row, full) in [(rows[0], true), (rows[1], false)] {
        let Some(view) = h.views.quarantine_entry(row).await? else {
            ensure!(false, "expected entry {row}");
            return Ok(());
        };
        ensure!(view.received_us > 0, "expected when it came");
        let shown = QuarantineRecord {
            row: view.id,
            origin: view.origin,
            source: view.source,
            event_id: view.event_id,
            subject: view.subject,
            event_type: view.event_type,
            reason: view.reason,
            path: view.path,
            expected: view.expected,
            got: view.got,
            raw: view.raw,
        };
        ensure_eq!(shown, quarantined(row, full), "the entry, raw bytes and all");
    }
    ensure_eq!(h.views.quarantine_entry(404_404).await?, None, "an unknown entry");
    Ok(())
}

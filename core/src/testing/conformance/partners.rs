//! Payments to ask about, and the two ledgers.

use std::sync::Arc;

use super::{
    harness::{Harness, Verdict, ensure_eq},
    seed::{self, PAY},
};
use crate::{
    operation::OperationState,
    payment::{PaymentState, ReferenceState},
    port::{
        store::ReferenceToAsk,
        work::{LedgerDelta, Loaded},
    },
    testing::fixtures::{self, connector, morning},
};

pub(super) async fn references_to_ask_are_filtered_and_ordered(h: &Harness) -> Verdict {
    h.unit(seed::nothing(), |work| {
        let dossier = fixtures::dossier(work.id(), &fixtures::nth_code(1));
        seed::put_dossier(work, &dossier);
        // name, connector, state, made, asked
        let references = [
            ("ASKEDLONGAGO", PAY, ReferenceState::Live, 300, Some(400)),
            ("NEVER2", PAY, ReferenceState::Live, 220, None),
            ("NEVER1", PAY, ReferenceState::Planned, 210, None),
            ("DEAD", PAY, ReferenceState::Dead, 230, None),
            ("PAID", PAY, ReferenceState::Paid, 230, None),
            ("JUSTASKED", PAY, ReferenceState::Live, 300, Some(600)),
            ("TOOOLD", PAY, ReferenceState::Live, 100, None),
            ("OTHER", "other", ReferenceState::Live, 230, None),
            ("OVER", PAY, ReferenceState::Live, 50, Some(90)),
            ("OVERANDTOLD", PAY, ReferenceState::Live, 60, None),
            ("NOTOVER", PAY, ReferenceState::Live, 70, None),
        ];
        for (n, (name, of, state, made, asked)) in references.into_iter().enumerate() {
            let mut payment = fixtures::payment(work.id(), &format!("TT-{n}"), &dossier, of, morning(made));
            payment.amount = 1000 + n as i64;
            let mut reference = fixtures::live_reference(of, name, morning(made));
            (reference.state, reference.asked_at) = (state, asked.map(morning));
            payment.references = vec![reference];
            if name.contains("OVER") {
                let over = if name == "NOTOVER" { 801 } else { 800 };
                Arc::make_mut(&mut payment.body).expires_at = Some(morning(over));
            }
            if name == "OVERANDTOLD" {
                payment.state = PaymentState::Expired;
            }
            work.payments.insert(payment.id.clone(), Loaded::fresh(payment));
        }
    })
    .await?;
    let ask = |limit| h.second.references_to_ask(&PAY_ID, morning(200), morning(500), morning(800), limit);
    let asked = ask(10).await?;
    let names: Vec<_> = asked.iter().map(|r| r.reference.as_str()).collect();
    let expected = vec!["NEVER1", "NEVER2", "DEAD", "OVER", "ASKEDLONGAGO"];
    ensure_eq!(
        names,
        expected,
        "never asked first, by age, then asked before the moment; paid ones never, too old ones only when their time is over"
    );
    let first = ReferenceToAsk {
        payment: fixtures::payment_id("TT-2"),
        reference: fixtures::reference("NEVER1"),
        sent_at: crate::clock::compact(morning(210)),
        amount: 1002,
    };
    ensure_eq!(asked.first(), Some(&first), "the first reference with all that the question needs");
    let names: Vec<_> = ask(2).await?.into_iter().map(|r| r.reference.to_string()).collect();
    ensure_eq!(names, vec!["NEVER1", "NEVER2"], "the two most pressing");
    Ok(())
}

static PAY_ID: std::sync::LazyLock<crate::id::ConnectorId> = std::sync::LazyLock::new(|| connector(PAY));

pub(super) async fn both_ledgers_balance_before_and_after_folding(h: &Harness) -> Verdict {
    let all = LedgerDelta {
        received: 10,
        admitted: 6,
        duplicate: 3,
        quarantined: 1,
        planned: 9,
        succeeded: 2,
        refused: 1,
        superseded: 1,
        dismissed: 1,
    };
    h.unit(seed::nothing(), move |work| {
        let ready = (OperationState::Ready, morning(0));
        let lane = seed::lane_with(work, "k-1", &[ready, ready, ready]);
        seed::put_lane(work, lane);
        let held = (OperationState::Held, morning(0));
        let mut lane = seed::lane_with(work, "k-2", &[ready, held]);
        seed::ended(&mut lane.open[0], OperationState::Succeeded, morning(1));
        seed::put_lane(work, lane);
        work.ledger = all;
    })
    .await?;
    let state = h.second.ledgers().await?;
    ensure_eq!(state.total, all, "the ledgers before folding");
    ensure_eq!(state.open, 4, "open operations by recount");
    ensure_eq!((state.message_difference(), state.operation_difference()), (0, 0), "both differences");
    h.store.fold_ledgers().await?;
    ensure_eq!(h.second.ledgers().await?, state, "the ledgers after folding");
    // Units and folding at once: nothing is counted twice or lost.
    let one = LedgerDelta { received: 1, admitted: 1, ..LedgerDelta::default() };
    let units = async {
        for _ in 0..20 {
            h.unit(seed::nothing(), move |work| work.ledger = one).await?;
        }
        Verdict::Ok(())
    };
    let folds = async {
        for _ in 0..20 {
            h.second.fold_ledgers().await?;
            let state = h.second.ledgers().await?;
            ensure_eq!(state.message_difference(), 0, "the difference of messages in the middle of folding");
        }
        Verdict::Ok(())
    };
    let (units, folds) = futures_util::join!(units, folds);
    units.and(folds)?;
    h.store.fold_ledgers().await?;
    h.store.fold_ledgers().await?;
    let end = h.second.ledgers().await?;
    ensure_eq!(
        (end.total.received, end.total.admitted),
        (30, 26),
        "messages received and admitted in the end"
    );
    ensure_eq!(end.total.planned, 9, "operations planned in the end");
    ensure_eq!(h.views.overview(0).await?.ledgers, end, "the ledgers on the front page");
    Ok(())
}

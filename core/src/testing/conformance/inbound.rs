//! What partners send by themselves: told once whoever takes it, requests and files that come back whole, files that are
//! fetched later or never, and go when their time is over.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

use super::{
    harness::{Failure, Harness, Verdict, ensure, ensure_eq},
    seed::{self, PORTAL},
};
use crate::{
    clock::later,
    id::RowId,
    port::{
        inbound::{FileNews, FileRecord, FileState, RequestFilter, ToldRecord},
        retention::{Kind, Step},
        store::{Door, RawCallback, StoreError, decide},
        work::{CallbackVerdict, Scope, Work},
    },
    testing::fixtures::connector,
};

async fn kept(h: &Harness, door: Door) -> Result<RowId, StoreError> {
    let raw = RawCallback {
        connector: connector(PORTAL),
        door,
        path: "nhanhsdvcqg?a='1'".into(),
        headers: "{}".into(),
        body: b"{\"a\":\"\xe1\xbb\x87\"}".to_vec(),
    };
    h.store.keep_callback(&raw).await
}

fn scope(identity: &str) -> Scope {
    Scope { inbound: [(connector(PORTAL), identity.to_owned())].into(), ..Scope::default() }
}

fn told(identity: &str, request: RowId) -> ToldRecord {
    ToldRecord {
        connector: connector(PORTAL),
        identity: identity.into(),
        hash: [7; 32],
        request,
        name: "portal.dossier_submitted".into(),
        subject: "G22.99-261122-000001".into(),
    }
}

fn file(work: &Work, request: RowId, state: FileState) -> FileRecord {
    let is_waiting = state == FileState::Waiting;
    FileRecord {
        id: work.id(),
        connector: connector(PORTAL),
        request,
        subject: "G22.99-261122-000001".into(),
        name: "đơn 'a'.pdf".into(),
        state,
        media_type: (!is_waiting).then(|| "application/pdf".to_owned()),
        size: (!is_waiting).then_some(3),
        address: is_waiting.then(|| "http://x/RestService/f/1".to_owned()),
        tries: 0,
        next_at: is_waiting.then_some(work.now),
        said: String::new(),
        created_at: work.now,
    }
}

async fn keep_files(h: &Harness, request: RowId) -> Result<(FileRecord, FileRecord), Failure> {
    h.unit(seed::nothing(), move |work| {
        let (here, awaited) =
            (file(work, request, FileState::Stored), file(work, request, FileState::Waiting));
        let content: Arc<[u8]> = [0, 159, 255].into();
        work.inbound.files.push((here.clone(), Some(content)));
        work.inbound.files.push((awaited.clone(), None));
        (here, awaited)
    })
    .await
}

pub(super) async fn what_a_partner_says_is_told_once_whoever_takes_it(h: &Harness) -> Verdict {
    let request = kept(h, Door::Inbound).await?;
    // Tells unless it was told, as the flow does: whoever comes second has to find what the first has told.
    let tell = move |work: &mut Work| {
        let is_new = work.inbound.known.is_empty();
        if is_new {
            work.inbound.told.push(told("submitted:1", request));
            work.outbox.push(seed::out_event("told"));
        }
        is_new
    };
    let both = futures_util::join!(
        decide(&*h.store, scope("submitted:1"), tell),
        decide(&*h.second, scope("submitted:1"), tell)
    );
    let news = [both.0?, both.1?].into_iter().filter(|is_new| *is_new).count();
    ensure_eq!(news, 1, "how many told it");
    ensure_eq!(h.store.outbox(0, 10).await?.len(), 1, "out-events");
    let known = h.look(scope("submitted:1"), |work| work.inbound.known.values().copied().collect::<Vec<_>>());
    ensure_eq!(known.await?, vec![[7; 32]], "what is known of it");
    let others = h.look(scope("submitted:2"), |work| work.inbound.known.len()).await?;
    ensure_eq!(others, 0, "known of another");
    let blind =
        h.unit(seed::nothing(), move |work| work.inbound.told.push(told("submitted:1", request))).await;
    ensure!(blind.is_err(), "expected what is told blindly a second time to be refused");
    Ok(())
}

pub(super) async fn requests_come_back_with_what_became_of_them(h: &Harness) -> Verdict {
    kept(h, Door::Callback).await?;
    let (first, second) = (kept(h, Door::Inbound).await?, kept(h, Door::Inbound).await?);
    h.unit(seed::nothing(), move |work| {
        work.inbound.told.push(told("submitted:1", first));
        let verdict = CallbackVerdict { callback: first, identity: None, verdict: "told".into() };
        work.callbacks.push(verdict);
    })
    .await?;
    let (here, awaited) = keep_files(h, first).await?;
    let all = h.store.inbound_requests(&RequestFilter { limit: 10, ..RequestFilter::default() }).await?;
    ensure_eq!(
        all.iter().map(|r| r.id).collect::<Vec<_>>(),
        vec![second, first],
        "newest first, no callbacks"
    );
    let view = &all[1];
    let subject = "G22.99-261122-000001".to_owned();
    ensure_eq!(view.told, vec![("portal.dossier_submitted".to_owned(), subject)], "what was told");
    ensure_eq!(view.files, vec![here, awaited], "the files that came with it");
    ensure_eq!(
        (view.verdict.as_deref(), view.bytes, view.path.as_str()),
        (Some("told"), 11, "nhanhsdvcqg?a='1'"),
        "the request"
    );
    ensure!(all[0].verdict.is_none() && all[0].told.is_empty(), "expected nothing of the other");
    let before = RequestFilter { before: Some(second), limit: 10, ..RequestFilter::default() };
    ensure_eq!(h.store.inbound_requests(&before).await?.len(), 1, "the page behind the newest");
    let only = RequestFilter { id: Some(second), limit: 10, ..RequestFilter::default() };
    ensure_eq!(h.store.inbound_requests(&only).await?[0].id, second, "the only one that was asked for");
    Ok(())
}

pub(super) async fn files_are_fetched_later_or_never_and_go_when_their_time_is_over(h: &Harness) -> Verdict {
    let request = kept(h, Door::Inbound).await?;
    let (here, awaited) = keep_files(h, request).await?;
    let found = h.store.file(here.id).await?;
    ensure_eq!(found, Some((here.clone(), Some(vec![0, 159, 255]))), "the file that is here");
    ensure_eq!(h.store.file(awaited.id).await?, Some((awaited.clone(), None)), "the one that is waited for");
    let due = h.store.files_to_fetch(&connector(PORTAL), 10).await?;
    ensure_eq!(due, vec![awaited.clone()], "what is to be fetched");
    ensure!(
        h.store.files_to_fetch(&connector(seed::PAY), 10).await?.is_empty(),
        "expected none of another's"
    );

    let next = later(h.store.now().await?, SignedDuration::from_hours(1));
    let next = Timestamp::from_microsecond(next.as_microsecond()).unwrap_or(next);
    h.store.settle_file(awaited.id, &FileNews::Later("HTTP 500".into(), next)).await?;
    ensure!(
        h.store.files_to_fetch(&connector(PORTAL), 10).await?.is_empty(),
        "expected it to wait for its time"
    );
    let stored = FileNews::Stored([1, 2].into(), "image/png".into());
    // One that is here does not change any more.
    for id in [awaited.id, here.id] {
        h.store.settle_file(id, &stored).await?;
    }
    h.store.settle_file(awaited.id, &FileNews::Ended(FileState::Failed, "late".into())).await?;
    let wanted = FileRecord {
        state: FileState::Stored,
        media_type: Some("image/png".into()),
        size: Some(2),
        tries: 2,
        next_at: None,
        ..awaited.clone()
    };
    ensure_eq!(
        h.store.file(awaited.id).await?,
        Some((wanted, Some(vec![1, 2]))),
        "the file once it was fetched"
    );
    ensure_eq!(h.store.file(here.id).await?, Some((here.clone(), Some(vec![0, 159, 255]))), "the other one");

    let step = |before| Step { kind: Kind::Files, before, limit: 10, relays: false };
    ensure_eq!(h.store.retire(&step(here.created_at)).await?.rows, 0, "gone before their time");
    let tomorrow = later(here.created_at, SignedDuration::from_hours(24));
    ensure_eq!(h.store.retire(&step(tomorrow)).await?.rows, 2, "gone after it");
    ensure_eq!(h.store.file(here.id).await?, None, "what is left");
    Ok(())
}

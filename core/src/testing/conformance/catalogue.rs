//! The catalogue and the mappings: they come back whole, by every filter, and mappings are changed by one unit at a time.

use jiff::Timestamp;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    harness::{Harness, Meeting, Verdict, ensure, ensure_eq},
    seed::{self, PORTAL},
};
use crate::{
    catalogue::{
        Change, ChangeFilter, ChangeKind, Difference, Entry, EntryFilter, ListHead, Mapping, Table, Word,
    },
    port::work::{Loaded, Scope, Work},
    testing::fixtures::{connector, morning},
};

fn entry(code: &str, withdrawn_at: Option<Timestamp>) -> Entry {
    Entry {
        connector: connector(PORTAL),
        list: "procedures".into(),
        code: code.into(),
        name: "Cấp \"lại\" giấy".into(),
        in_force: withdrawn_at.is_none(),
        content: r#"{"SOTIEN":"không"}"#.into(),
        version: 3,
        first_at: morning(1),
        changed_at: morning(2),
        withdrawn_at,
    }
}

fn put(work: &mut Work, entry: Entry) {
    let key = (entry.connector.clone(), entry.list.clone(), entry.code.clone());
    work.catalogue.insert(key, Loaded::fresh(entry));
}

fn filter() -> EntryFilter {
    EntryFilter {
        connector: connector(PORTAL),
        list: "procedures".into(),
        code: None,
        withdrawn: false,
        after: String::new(),
        limit: 100,
    }
}

pub(super) async fn a_catalogue_comes_back_whole_and_page_by_page(h: &Harness) -> Verdict {
    let head = ListHead {
        connector: connector(PORTAL),
        list: "procedures".into(),
        version: 3,
        rows: 3,
        held_back: 1,
        pulled_at: morning(3),
        changed_at: morning(2),
    };
    // By their bytes, whatever the language of the server.
    let entries = [entry("1.000001", None), entry("B", None), entry("a", None), entry("b", Some(morning(2)))];
    let change = |code: &str, version, at| Change {
        connector: connector(PORTAL),
        list: "procedures".into(),
        version,
        code: code.into(),
        name: "Cấp".into(),
        kind: ChangeKind::Changed,
        differences: vec![Difference { path: "/A".into(), before: None, after: Some("'".into()) }],
        at,
    };
    let changes = [change("a", 3, morning(2)), change("B", 2, morning(1))];
    let (rows, told, first) = (entries.to_vec(), changes.to_vec(), head.clone());
    h.unit(seed::nothing(), move |work| {
        let key = (first.connector.clone(), first.list.clone());
        work.catalogue_heads.insert(key, Loaded::fresh(first.clone()));
        rows.iter().cloned().for_each(|entry| put(work, entry));
        put(work, Entry { list: "fields".into(), ..entry("1.000001", None) });
        work.catalogue_changes.extend(told.clone());
    })
    .await?;
    ensure_eq!(h.second.catalogue_lists().await?, vec![head.clone()], "the lists");
    let live = entries[..3].to_vec();
    ensure_eq!(h.second.catalogue_entries(&filter()).await?, live, "the entries by code");
    let rest = EntryFilter { after: "B".into(), withdrawn: true, limit: 2, ..filter() };
    ensure_eq!(
        h.second.catalogue_entries(&rest).await?,
        entries[2..].to_vec(),
        "withdrawn ones too, a page on"
    );
    let one = EntryFilter { code: Some("a".into()), ..filter() };
    ensure_eq!(h.second.catalogue_entries(&one).await?, vec![entries[2].clone()], "one entry");
    let since = |since, list: Option<&str>, limit| {
        let (connector, list) = (connector(PORTAL), list.map(str::to_owned));
        ChangeFilter { connector, list, since, limit }
    };
    let all = h.second.catalogue_changes(&since(Timestamp::UNIX_EPOCH, Some("procedures"), 10)).await?;
    ensure_eq!(all, changes.to_vec(), "changes, newest first");
    let newest = h.second.catalogue_changes(&since(morning(2), None, 10)).await?;
    ensure_eq!(newest, vec![changes[0].clone()], "changes since a moment");
    ensure_eq!(
        h.second.catalogue_changes(&since(morning(1), Some("fields"), 9)).await?,
        vec![],
        "of another list"
    );
    // Under lock: the whole list, or single entries with the list's head.
    let key = (connector(PORTAL), "procedures".to_owned());
    let whole = Scope { catalogue: BTreeSet::from([key.clone()]), ..Scope::default() };
    let (heads, all) = h
        .unit(whole, |work| {
            let entry = work.catalogue.values_mut().find(|e| e.row.code == "b");
            if let Some(entry) = entry {
                (entry.edit().withdrawn_at, entry.edit().version) = (None, 4);
            }
            if let Some(head) = work.catalogue_heads.values_mut().next() {
                head.edit().rows = 4;
            }
            (work.catalogue_heads.len(), work.catalogue.len())
        })
        .await?;
    ensure_eq!((heads, all), (1, 4), "what a whole list loads");
    let single = (key.0.clone(), key.1.clone(), "b".to_owned());
    let absent = (key.0.clone(), "agencies".to_owned(), "x".to_owned());
    let scope = Scope { catalogue_entries: BTreeSet::from([single, absent]), ..Scope::default() };
    let seen = h
        .look(scope, |work| {
            let heads: Vec<_> = work.catalogue_heads.values().map(|head| head.row.rows).collect();
            let entries: Vec<_> = work.catalogue.values().map(|e| e.row.clone()).collect();
            (heads, entries)
        })
        .await?;
    let back = Entry { withdrawn_at: None, version: 4, ..entries[3].clone() };
    ensure_eq!(seen, (vec![4], vec![back]), "a single entry with its list's head");
    Ok(())
}

fn mapping(id: i64, local: &str) -> Mapping {
    Mapping {
        id,
        connector: connector(PORTAL),
        table: Table::Procedure,
        local: local.into(),
        national: "1.001193".into(),
        name: "Khai \"sinh\"".into(),
        from: "2025-07-01".parse().ok(),
        until: None,
        confirmed: Word { by: "an".into(), at: morning(1), reason: "đúng".into() },
        withdrawn: None,
    }
}

fn of(local: &str) -> Scope {
    let key = (connector(PORTAL), Table::Procedure, local.to_owned());
    Scope { mappings: BTreeSet::from([key]), ..Scope::default() }
}

pub(super) async fn mappings_come_back_and_every_commit_that_changes_one_is_counted(h: &Harness) -> Verdict {
    let (first, none) = h.second.mappings(true).await?;
    ensure_eq!(none, vec![], "mappings of an empty store");
    let ids = h
        .unit(seed::nothing(), |work| {
            let ids = [work.id(), work.id()];
            for (id, local) in ids.iter().zip(["TT-01", "TT-02"]) {
                work.mappings.insert(*id, Loaded::fresh(mapping(*id, local)));
            }
            ids
        })
        .await?;
    ensure_eq!(h.second.mapping_version().await?, first + 1, "one commit, one step");
    let both = vec![mapping(ids[0], "TT-01"), mapping(ids[1], "TT-02")];
    ensure_eq!(h.second.mappings(false).await?, (first + 1, both.clone()), "both, with the version");
    let gone = Scope { mapping_ids: BTreeSet::from([ids[0], -1]), ..Scope::default() };
    h.unit(gone.clone(), |work| {
        for mapping in work.mappings.values_mut() {
            mapping.edit().withdrawn =
                Some(Word { by: "bình".into(), at: morning(2), reason: "sai".into() });
        }
    })
    .await?;
    ensure_eq!(h.second.mappings(false).await?, (first + 2, both[1..].to_vec()), "one was withdrawn");
    ensure_eq!(h.second.mappings(true).await?.1.len(), 2, "and is kept");
    let seen = h.look(of("TT-01"), |work| work.mappings.len()).await?;
    ensure_eq!(seen, 0, "a withdrawn one by its code");
    let seen = h.look(of("TT-02"), |work| work.mappings.len()).await?;
    ensure_eq!(seen, 1, "a live one by its code");
    let seen =
        h.look(gone, |work| work.mappings.values().filter(|m| m.row.withdrawn.is_some()).count()).await?;
    ensure_eq!(seen, 1, "a withdrawn one by its number");
    ensure_eq!(h.second.mapping_version().await?, first + 2, "who only looks changes nothing");
    Ok(())
}

pub(super) async fn two_that_confirm_the_same_code_at_once_see_each_other(h: &Harness) -> Verdict {
    let meeting = Meeting::of(2, Duration::from_millis(200));
    let confirm = |meeting: Arc<Meeting>| {
        move |work: &mut Work| {
            meeting.announce();
            meeting.wait();
            if work.mappings.is_empty() {
                let id = work.id();
                work.mappings.insert(id, Loaded::fresh(mapping(id, "TT-09")));
            }
        }
    };
    let (one, two) =
        (h.unit(of("TT-09"), confirm(Arc::clone(&meeting))), h.look(of("TT-09"), confirm(meeting)));
    let (one, two) = futures_util::future::join(one, two).await;
    one?;
    two?;
    let found = h.store.mappings(false).await?.1;
    ensure!(found.len() == 1, "expected one mapping, got {found:#?}");
    Ok(())
}

//! The catalogue and the mappings in the in-memory store.

use std::collections::BTreeMap;

use super::tables::Tables;
use crate::{
    catalogue::{Change as CatalogueChange, ChangeFilter, Entry, EntryFilter, ListHead, Mapping},
    id::{ConnectorId, RowId},
    port::work::{Change, Loaded, Work},
};

pub(super) fn load(tables: &Tables, work: &mut Work) {
    let of_entries = work.scope.catalogue_entries.iter().map(|(connector, list, _)| (connector, list));
    let whole = work.scope.catalogue.iter().map(|(connector, list)| (connector, list));
    for (connector, list) in of_entries.chain(whole) {
        let key = (connector.clone(), list.clone());
        if let Some(head) = tables.catalogue_heads.get(&key) {
            work.catalogue_heads.insert(key, Loaded::stored(head.clone()));
        }
    }
    for (key, entry) in &tables.catalogue {
        let list = (key.0.clone(), key.1.clone());
        if work.scope.catalogue.contains(&list) || work.scope.catalogue_entries.contains(key) {
            work.catalogue.insert(key.clone(), Loaded::stored(entry.clone()));
        }
    }
    for (id, mapping) in &tables.mappings {
        let key = (mapping.connector.clone(), mapping.table, mapping.local.clone());
        let is_wanted = mapping.withdrawn.is_none() && work.scope.mappings.contains(&key);
        if is_wanted || work.scope.mapping_ids.contains(id) {
            work.mappings.insert(*id, Loaded::stored(mapping.clone()));
        }
    }
}

pub(super) fn apply(
    tables: &mut Tables,
    heads: BTreeMap<(ConnectorId, String), Loaded<ListHead>>,
    entries: BTreeMap<(ConnectorId, String, String), Loaded<Entry>>,
    changes: Vec<CatalogueChange>,
) {
    for (key, head) in heads.into_iter().filter(|(_, head)| head.change != Change::None) {
        tables.catalogue_heads.insert(key, head.row);
    }
    for (key, entry) in entries.into_iter().filter(|(_, entry)| entry.change != Change::None) {
        tables.catalogue.insert(key, entry.row);
    }
    for change in changes {
        let key = (change.connector.clone(), change.list.clone(), change.version, change.code.clone());
        tables.catalogue_changes.entry(key).or_insert(change);
    }
}

pub(super) fn apply_mappings(tables: &mut Tables, mappings: BTreeMap<RowId, Loaded<Mapping>>) {
    let mut is_changed = false;
    for (id, mapping) in mappings.into_iter().filter(|(_, mapping)| mapping.change != Change::None) {
        tables.mappings.insert(id, mapping.row);
        is_changed = true;
    }
    tables.mapping_version += i64::from(is_changed);
}

pub(super) fn entries(tables: &Tables, filter: &EntryFilter, limit: usize) -> Vec<Entry> {
    let wanted = tables.catalogue.values().filter(|e| {
        e.connector == filter.connector
            && e.list == filter.list
            && filter.code.as_ref().is_none_or(|code| e.code == *code)
            && (filter.withdrawn || e.withdrawn_at.is_none())
            && e.code > filter.after
    });
    wanted.take(limit).cloned().collect()
}

pub(super) fn changes(tables: &Tables, filter: &ChangeFilter, limit: usize) -> Vec<CatalogueChange> {
    let wanted = tables.catalogue_changes.values().filter(|c| {
        c.connector == filter.connector
            && filter.list.as_ref().is_none_or(|list| c.list == *list)
            && c.at >= filter.since
    });
    let mut wanted: Vec<_> = wanted.cloned().collect();
    wanted.sort_by(|a, b| (b.at, &a.list, &a.code, b.version).cmp(&(a.at, &b.list, &b.code, a.version)));
    wanted.truncate(limit);
    wanted
}

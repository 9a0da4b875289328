//! What partners send by themselves, in the in-memory store.

use async_trait::async_trait;
use std::{collections::BTreeSet, sync::Arc};

use super::{MemoryStore, tables::Tables};
use crate::{
    id::{ConnectorId, RowId},
    port::{
        inbound::{FileNews, FileRecord, FileState, InboundStore, InboundWork, RequestFilter, RequestView},
        store::{Door, StoreError},
        work::Work,
    },
};

pub(super) fn load(tables: &Tables, work: &mut Work) {
    for key in &work.scope.inbound {
        if let Some(told) = tables.inbound.get(key) {
            work.inbound.known.insert(key.clone(), told.hash);
        }
    }
}

/// Somebody else may have told it meanwhile.
pub(super) fn check(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let mut keys = BTreeSet::new();
    for told in &work.inbound.told {
        let key = (told.connector.clone(), told.identity.clone());
        if tables.inbound.contains_key(&key) || !keys.insert(key) {
            return Err(StoreError::Contended(format!("inbound_pkey: {}", told.identity)));
        }
    }
    Ok(())
}

pub(super) fn apply(tables: &mut Tables, work: InboundWork) {
    for told in work.told {
        tables.inbound.insert((told.connector.clone(), told.identity.clone()), told);
    }
    for (file, content) in work.files {
        tables.files.insert(file.id, (file, content));
    }
}

#[async_trait]
impl InboundStore for MemoryStore {
    async fn inbound_requests(&self, filter: &RequestFilter) -> Result<Vec<RequestView>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let wanted = tables.callbacks.iter().rev().filter(|(id, stored)| {
            stored.raw.door == Door::Inbound
                && filter.id.is_none_or(|only| only == **id)
                && filter.before.is_none_or(|before| **id < before)
        });
        let views = wanted.take(usize::try_from(filter.limit).unwrap_or(0)).map(|(id, stored)| {
            let told = tables.inbound.values().filter(|told| told.request == *id);
            let mut told: Vec<_> = told.map(|told| (told.name.clone(), told.subject.clone())).collect();
            told.sort();
            let files = tables.files.values().filter(|(file, _)| file.request == *id);
            RequestView {
                id: *id,
                connector: stored.raw.connector.to_string(),
                path: stored.raw.path.clone(),
                received_at: stored.received_at,
                bytes: stored.raw.body.len() as i64,
                verdict: stored.verdict.clone(),
                told,
                files: files.map(|(file, _)| file.clone()).collect(),
            }
        });
        Ok(views.collect())
    }

    async fn file(&self, id: RowId) -> Result<Option<(FileRecord, Option<Vec<u8>>)>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let found = tables.files.get(&id);
        Ok(found.map(|(file, content)| (file.clone(), content.as_ref().map(|bytes| bytes.to_vec()))))
    }

    async fn files_to_fetch(
        &self,
        connector: &ConnectorId,
        limit: i64,
    ) -> Result<Vec<FileRecord>, StoreError> {
        tokio::task::yield_now().await;
        let now = self.time();
        let tables = self.open()?;
        let due = tables.files.values().map(|(file, _)| file).filter(|file| {
            file.connector == *connector
                && file.state == FileState::Waiting
                && file.next_at.is_some_and(|at| at <= now)
        });
        let mut due: Vec<FileRecord> = due.cloned().collect();
        due.sort_by_key(|file| (file.next_at, file.id));
        due.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(due)
    }

    async fn settle_file(&self, id: RowId, news: &FileNews) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        let Some((file, content)) = tables.files.get_mut(&id) else { return Ok(()) };
        if file.state != FileState::Waiting {
            return Ok(());
        }
        file.tries += 1;
        match news {
            FileNews::Stored(bytes, media_type) => {
                (file.state, file.next_at) = (FileState::Stored, None);
                (file.media_type, file.size) = (Some(media_type.clone()), Some(bytes.len() as i64));
                file.said.clear();
                *content = Some(Arc::clone(bytes));
            }
            FileNews::Later(said, next_at) => {
                (file.said, file.next_at) = (said.clone(), Some(*next_at));
            }
            FileNews::Ended(state, said) => {
                (file.state, file.said, file.next_at) = (*state, said.clone(), None);
            }
        }
        Ok(())
    }
}

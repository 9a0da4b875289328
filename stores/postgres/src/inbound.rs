//! What partners send by themselves: what was told because of it, the requests with what became of them, the files.

use jiff::Timestamp;
use lienthong_core::{
    id::{ConnectorId, RowId},
    port::{
        inbound::{FileNews, FileRecord, FileState, RequestFilter, RequestView},
        store::StoreError,
        work::Work,
    },
};
use sqlx::PgConnection;

use crate::{
    error::store_error,
    rows::{At, col, us, us_if},
    write::run,
};

struct FileRow {
    id: i64,
    connector: String,
    request: i64,
    subject: String,
    name: String,
    state: String,
    media_type: Option<String>,
    size: Option<i64>,
    address: Option<String>,
    tries: i32,
    next_at: Option<i64>,
    said: String,
    created_at: i64,
}

impl FileRow {
    fn record(self) -> Result<FileRecord, StoreError> {
        let at = At::new("files", &self.id);
        Ok(FileRecord {
            connector: at.parse("connector", &self.connector)?,
            state: at.known("state", &self.state, FileState::from_name(&self.state))?,
            next_at: at.time_if("next_at", self.next_at)?,
            created_at: at.time("created_at", self.created_at)?,
            id: self.id,
            request: self.request,
            subject: self.subject,
            name: self.name,
            media_type: self.media_type,
            size: self.size,
            address: self.address,
            tries: self.tries,
            said: self.said,
        })
    }
}

/// What was told under the scope's identities.
pub(crate) async fn load(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.inbound.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = work.scope.inbound.iter().collect();
    let rows = sqlx::query!(
        "select i.connector, i.identity, i.content_hash from inbound i
        join unnest($1::text[], $2::text[]) as w(connector, identity)
            on i.connector = w.connector and i.identity = w.identity",
        &col(&keys, |(connector, _)| connector.as_str()) as _,
        &col(&keys, |(_, identity)| identity.as_str()) as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in rows {
        let at = At::new("inbound", &row.identity);
        let (connector, hash) =
            (at.parse("connector", &row.connector)?, at.hash("content_hash", &row.content_hash)?);
        work.inbound.known.insert((connector, row.identity.clone()), hash);
    }
    Ok(())
}

/// What is told now, and the files that came with it.
pub(crate) async fn write(conn: &mut PgConnection, work: &Work) -> Result<(), StoreError> {
    let told = &work.inbound.told;
    if !told.is_empty() {
        let written = sqlx::query!(
            "insert into inbound (connector, identity, content_hash, request, name, subject, told_at)
            select n.connector, n.identity, n.content_hash, n.request, n.name, n.subject, $7::bigint
            from unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::text[], $6::text[])
                as n(connector, identity, content_hash, request, name, subject)",
            &col(told, |t| t.connector.as_str()) as _,
            &col(told, |t| t.identity.as_str()) as _,
            &col(told, |t| &t.hash[..]) as _,
            &col(told, |t| t.request) as _,
            &col(told, |t| t.name.as_str()) as _,
            &col(told, |t| t.subject.as_str()) as _,
            us(work.now),
        );
        run(&mut *conn, written).await?;
    }
    for (file, content) in &work.inbound.files {
        let written = sqlx::query!(
            "insert into files (id, connector, request, subject, name, state, media_type, size, address, tries, next_at, said,
                created_at, content)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            file.id,
            file.connector.as_str(),
            file.request,
            file.subject,
            file.name,
            file.state.name(),
            file.media_type,
            file.size,
            file.address,
            file.tries,
            us_if(file.next_at),
            file.said,
            us(file.created_at),
            content.as_deref(),
        );
        run(&mut *conn, written).await?;
    }
    Ok(())
}

/// Stored requests, newest first.
pub(crate) async fn requests(
    conn: &mut PgConnection,
    filter: &RequestFilter,
) -> Result<Vec<RequestView>, StoreError> {
    let (only, before) = (filter.id, filter.before.unwrap_or(i64::MAX));
    let rows = sqlx::query!(
        r#"select id, connector, path, received_at, octet_length(body)::bigint as "bytes!", verdict from callbacks
        where door = 'inbound' and id < $1 and ($2::bigint is null or id = $2) order by id desc limit $3"#,
        before,
        only,
        filter.limit,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let told = sqlx::query!(
        "select request, name, subject from inbound where request = any($1) order by name, subject",
        &ids
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let files = sqlx::query_as!(
        FileRow,
        "select id, connector, request, subject, name, state, media_type, size, address, tries, next_at, said, created_at
        from files where request = any($1) order by id",
        &ids
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let files: Vec<FileRecord> = files.into_iter().map(FileRow::record).collect::<Result<_, _>>()?;
    let views = rows.into_iter().map(|row| {
        let told = told.iter().filter(|told| told.request == row.id);
        Ok(RequestView {
            received_at: At::new("callbacks", &row.id).time("received_at", row.received_at)?,
            told: told.map(|told| (told.name.clone(), told.subject.clone())).collect(),
            files: files.iter().filter(|file| file.request == row.id).cloned().collect(),
            id: row.id,
            connector: row.connector,
            path: row.path,
            bytes: row.bytes,
            verdict: row.verdict,
        })
    });
    views.collect()
}

/// A file with its content.
pub(crate) async fn file(
    conn: &mut PgConnection,
    id: RowId,
) -> Result<Option<(FileRecord, Option<Vec<u8>>)>, StoreError> {
    let row = sqlx::query_as!(
        FileRow,
        "select id, connector, request, subject, name, state, media_type, size, address, tries, next_at, said, created_at
        from files where id = $1",
        id
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let content = sqlx::query_scalar!("select content from files where id = $1", id)
        .fetch_optional(conn)
        .await
        .map_err(store_error)?;
    Ok(Some((row.record()?, content.flatten())))
}

/// Files whose time to be fetched has come.
pub(crate) async fn due(
    conn: &mut PgConnection,
    connector: &ConnectorId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<FileRecord>, StoreError> {
    let rows = sqlx::query_as!(
        FileRow,
        "select id, connector, request, subject, name, state, media_type, size, address, tries, next_at, said, created_at
        from files where state = 'waiting' and connector = $1 and next_at <= $2 order by next_at, id limit $3",
        connector.as_str(),
        us(now),
        limit
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(FileRow::record).collect()
}

/// Notes what came of trying to fetch a file.
pub(crate) async fn settle(conn: &mut PgConnection, id: RowId, news: &FileNews) -> Result<(), StoreError> {
    let (state, said, next_at, media_type, content) = match news {
        FileNews::Stored(content, media_type) => {
            (FileState::Stored, "", None, Some(media_type.as_str()), Some(&**content))
        }
        FileNews::Later(said, next_at) => (FileState::Waiting, said.as_str(), Some(us(*next_at)), None, None),
        FileNews::Ended(state, said) => (*state, said.as_str(), None, None, None),
    };
    let size = content.and_then(|content| i64::try_from(content.len()).ok());
    let written = sqlx::query!(
        "update files set tries = tries + 1, state = $2, said = $3, next_at = $4, media_type = $5, size = $6, content = $7
        where id = $1 and state = 'waiting'",
        id,
        state.name(),
        said,
        next_at,
        media_type,
        size,
        content,
    );
    run(conn, written).await
}

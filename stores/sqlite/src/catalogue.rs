//! The catalogue with its changes, and the mappings that persons confirmed.

use lienthong_core::{
    catalogue::{Change as CatalogueChange, ChangeFilter, ChangeKind, Entry, EntryFilter, ListHead, Mapping},
    id::ConnectorId,
    port::{
        store::StoreError,
        work::{Loaded, Work},
    },
};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;

use crate::{
    error::store_error,
    rows::{At, Batch, json, us},
    write::{changed, run},
};

struct HeadRow {
    connector: String,
    list: String,
    version: i64,
    rows: i64,
    held_back: i64,
    pulled_at: i64,
    changed_at: i64,
}

impl HeadRow {
    fn head(self) -> Result<ListHead, StoreError> {
        let at = At::new("catalogue_lists", &self.list);
        Ok(ListHead {
            connector: at.parse("connector", &self.connector)?,
            version: self.version,
            rows: self.rows,
            held_back: self.held_back,
            pulled_at: at.time("pulled_at", self.pulled_at)?,
            changed_at: at.time("changed_at", self.changed_at)?,
            list: self.list.clone(),
        })
    }
}

struct EntryRow {
    connector: String,
    list: String,
    code: String,
    name: String,
    in_force: bool,
    content: String,
    version: i64,
    first_at: i64,
    changed_at: i64,
    withdrawn_at: Option<i64>,
}

impl EntryRow {
    fn entry(self) -> Result<Entry, StoreError> {
        let at = At::new("catalogue_entries", &self.code);
        Ok(Entry {
            connector: at.parse("connector", &self.connector)?,
            first_at: at.time("first_at", self.first_at)?,
            changed_at: at.time("changed_at", self.changed_at)?,
            withdrawn_at: at.time_if("withdrawn_at", self.withdrawn_at)?,
            list: self.list,
            code: self.code.clone(),
            name: self.name,
            in_force: self.in_force,
            content: self.content.into(),
            version: self.version,
        })
    }
}

/// How the lists stand.
pub(crate) async fn lists(conn: &mut SqliteConnection) -> Result<Vec<ListHead>, StoreError> {
    let rows = sqlx::query_as!(
        HeadRow,
        "select connector, list, version, rows, held_back, pulled_at, changed_at from catalogue_lists
        order by connector, list",
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(HeadRow::head).collect()
}

/// Entries by code.
pub(crate) async fn entries(
    conn: &mut SqliteConnection,
    filter: &EntryFilter,
) -> Result<Vec<Entry>, StoreError> {
    let connector = filter.connector.as_str();
    let rows = sqlx::query_as!(
        EntryRow,
        r#"select connector, list, code, name, in_force as "in_force!: bool", content, version, first_at, changed_at,
            withdrawn_at
        from catalogue_entries
        where connector = ?1 and list = ?2 and code > ?3 and (?4 is null or code = ?4)
            and (?5 or withdrawn_at is null)
        order by code limit ?6"#,
        connector,
        filter.list,
        filter.after,
        filter.code,
        filter.withdrawn,
        filter.limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(EntryRow::entry).collect()
}

/// Changes, newest first.
pub(crate) async fn changes(
    conn: &mut SqliteConnection,
    filter: &ChangeFilter,
) -> Result<Vec<CatalogueChange>, StoreError> {
    let (connector, since) = (filter.connector.as_str(), us(filter.since));
    let rows = sqlx::query!(
        r#"select connector, list, version, code, name, kind as "kind!: i16", differences, at from catalogue_changes
        where connector = ?1 and (?2 is null or list = ?2) and at >= ?3
        order by at desc, list, code, version desc limit ?4"#,
        connector,
        filter.list,
        since,
        filter.limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let changes = rows.into_iter().map(|row| {
        let at = At::new("catalogue_changes", &row.code);
        Ok(CatalogueChange {
            connector: at.parse("connector", &row.connector)?,
            kind: at.known("kind", row.kind, ChangeKind::from_number(row.kind))?,
            differences: at.json("differences", &row.differences)?,
            at: at.time("at", row.at)?,
            list: row.list,
            version: row.version,
            code: row.code.clone(),
            name: row.name,
        })
    });
    changes.collect()
}

/// The number that grows with every change of a mapping.
pub(crate) async fn mapping_version(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar!("select mapping_version from installation where one = 1")
        .fetch_one(conn)
        .await
        .map_err(store_error)
}

/// That number and the mappings.
pub(crate) async fn mappings(
    conn: &mut SqliteConnection,
    withdrawn: bool,
) -> Result<(i64, Vec<Mapping>), StoreError> {
    let version = mapping_version(conn).await?;
    let rows = sqlx::query_scalar!("select mapping from mappings where ?1 or is_live order by id", withdrawn)
        .fetch_all(conn)
        .await
        .map_err(store_error)?;
    Ok((version, rows.iter().map(|text| mapping(text)).collect::<Result<_, _>>()?))
}

fn mapping(text: &str) -> Result<Mapping, StoreError> {
    At::new("mappings", &"?").json("mapping", text)
}

/// Loads what a unit wants of catalogue and mappings. There is one writer: two persons who confirm the same code see each
/// other.
pub(crate) async fn load(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    let whole = work.scope.catalogue.iter().cloned();
    let of_entries = work.scope.catalogue_entries.iter().map(|(c, list, _)| (c.clone(), list.clone()));
    let heads: BTreeSet<(ConnectorId, String)> = whole.chain(of_entries).collect();
    if !heads.is_empty() {
        let keys = json(&heads)?;
        let rows = sqlx::query_as!(
            HeadRow,
            "select l.connector, l.list, l.version, l.rows, l.held_back, l.pulled_at, l.changed_at
            from json_each(?1) w
            cross join catalogue_lists l on l.connector = w.value ->> 0 and l.list = w.value ->> 1",
            keys,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for row in rows {
            let head = row.head()?;
            work.catalogue_heads.insert((head.connector.clone(), head.list.clone()), Loaded::stored(head));
        }
        let (lists, single) = (json(&work.scope.catalogue)?, json(&work.scope.catalogue_entries)?);
        let rows = sqlx::query_as!(
            EntryRow,
            r#"select e.connector as "connector!", e.list as "list!", e.code as "code!", e.name as "name!",
                e.in_force as "in_force!: bool", e.content as "content!", e.version as "version!",
                e.first_at as "first_at!", e.changed_at as "changed_at!", e.withdrawn_at
            from json_each(?1) w
            cross join catalogue_entries e on e.connector = w.value ->> 0 and e.list = w.value ->> 1
            union
            select e.connector, e.list, e.code, e.name, e.in_force, e.content, e.version, e.first_at, e.changed_at,
                e.withdrawn_at
            from json_each(?2) w
            cross join catalogue_entries e
                on e.connector = w.value ->> 0 and e.list = w.value ->> 1 and e.code = w.value ->> 2"#,
            lists,
            single,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for row in rows {
            let entry = row.entry()?;
            let key = (entry.connector.clone(), entry.list.clone(), entry.code.clone());
            work.catalogue.insert(key, Loaded::stored(entry));
        }
    }
    if work.scope.mappings.is_empty() && work.scope.mapping_ids.is_empty() {
        return Ok(());
    }
    let (keys, ids) = (json(&work.scope.mappings)?, json(&work.scope.mapping_ids)?);
    let rows = sqlx::query_scalar!(
        r#"select m.mapping as "mapping!" from mappings m where m.id in (select value from json_each(?2))
        union
        select m.mapping from json_each(?1) w
        cross join mappings m
            on m.connector = w.value ->> 0 and m.kind = w.value ->> 1 and m.local = w.value ->> 2 and m.is_live"#,
        keys,
        ids,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    for text in rows {
        let mapping = mapping(&text)?;
        work.mappings.insert(mapping.id, Loaded::stored(mapping));
    }
    Ok(())
}

/// Writes what changed of catalogue and mappings.
pub(crate) async fn write(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("catalogue_lists");
    for Loaded { row: head, .. } in changed(work.catalogue_heads.values()) {
        batch.row(&[
            ("connector", &head.connector.as_str()),
            ("list", &head.list),
            ("version", &head.version),
            ("rows", &head.rows),
            ("held_back", &head.held_back),
            ("pulled_at", &head.pulled_at),
            ("changed_at", &head.changed_at),
        ])?;
    }
    if let Some(rows) = batch.text()? {
        let written = sqlx::query!(
            "insert into catalogue_lists (connector, list, version, rows, held_back, pulled_at, changed_at)
             select value ->> 'connector', value ->> 'list', value ->> 'version', value ->> 'rows',
                value ->> 'held_back', value ->> 'pulled_at', value ->> 'changed_at'
             from jsonb_each(?1) where true
             on conflict (connector, list) do update set version = excluded.version, rows = excluded.rows,
                held_back = excluded.held_back, pulled_at = excluded.pulled_at, changed_at = excluded.changed_at",
            rows
        );
        run(&mut *conn, written).await?;
    }
    let mut batch = Batch::new("catalogue_entries");
    for Loaded { row: entry, .. } in changed(work.catalogue.values()) {
        batch.row(&[
            ("connector", &entry.connector.as_str()),
            ("list", &entry.list),
            ("code", &entry.code),
            ("name", &entry.name),
            ("in_force", &entry.in_force),
            ("content", &&*entry.content),
            ("version", &entry.version),
            ("first_at", &entry.first_at),
            ("changed_at", &entry.changed_at),
            ("withdrawn_at", &entry.withdrawn_at),
        ])?;
    }
    if let Some(rows) = batch.text()? {
        let written = sqlx::query!(
            "insert into catalogue_entries
                (connector, list, code, name, in_force, content, version, first_at, changed_at, withdrawn_at)
             select value ->> 'connector', value ->> 'list', value ->> 'code', value ->> 'name', value ->> 'in_force',
                value ->> 'content', value ->> 'version', value ->> 'first_at', value ->> 'changed_at',
                value ->> 'withdrawn_at'
             from jsonb_each(?1) where true
             on conflict (connector, list, code) do update set name = excluded.name, in_force = excluded.in_force,
                content = excluded.content, version = excluded.version, changed_at = excluded.changed_at,
                withdrawn_at = excluded.withdrawn_at",
            rows
        );
        run(&mut *conn, written).await?;
    }
    let mut batch = Batch::new("catalogue_changes");
    for change in &work.catalogue_changes {
        batch.row(&[
            ("connector", &change.connector.as_str()),
            ("list", &change.list),
            ("version", &change.version),
            ("code", &change.code),
            ("name", &change.name),
            ("kind", &change.kind.number()),
            ("differences", &json(&change.differences)?),
            ("at", &change.at),
        ])?;
    }
    if let Some(rows) = batch.text()? {
        let written = sqlx::query!(
            "insert into catalogue_changes (connector, list, version, code, name, kind, differences, at)
             select value ->> 'connector', value ->> 'list', value ->> 'version', value ->> 'code', value ->> 'name',
                value ->> 'kind', value ->> 'differences', value ->> 'at'
             from jsonb_each(?1) where true
             on conflict (connector, list, version, code) do nothing",
            rows
        );
        run(&mut *conn, written).await?;
    }
    let mut batch = Batch::new("mappings");
    for Loaded { row: mapping, .. } in changed(work.mappings.values()) {
        batch.row(&[
            ("id", &mapping.id),
            ("connector", &mapping.connector.as_str()),
            ("kind", &mapping.table.name()),
            ("local", &mapping.local),
            ("is_live", &mapping.withdrawn.is_none()),
            ("mapping", &json(mapping)?),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into mappings (id, connector, kind, local, is_live, mapping)
         select value ->> 'id', value ->> 'connector', value ->> 'kind', value ->> 'local', value ->> 'is_live',
            value ->> 'mapping'
         from jsonb_each(?1) where true
         on conflict (id) do update set is_live = excluded.is_live, mapping = excluded.mapping",
        rows
    );
    run(&mut *conn, written).await?;
    let counted = sqlx::query!("update installation set mapping_version = mapping_version + 1 where one = 1");
    run(conn, counted).await
}

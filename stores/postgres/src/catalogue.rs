//! The catalogue with its changes, and the mappings that persons confirmed.

use lienthong_core::{
    catalogue::{Change as CatalogueChange, ChangeFilter, ChangeKind, Entry, EntryFilter, ListHead, Mapping},
    id::ConnectorId,
    port::{
        store::StoreError,
        work::{Loaded, Work},
    },
};
use sqlx::PgConnection;
use std::collections::BTreeSet;

use crate::{
    error::store_error,
    rows::{At, changed, col, json_col, us, us_if},
    write::run,
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
pub(crate) async fn lists(conn: &mut PgConnection) -> Result<Vec<ListHead>, StoreError> {
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
pub(crate) async fn entries(conn: &mut PgConnection, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        EntryRow,
        "select connector, list, code, name, in_force, content, version, first_at, changed_at, withdrawn_at
        from catalogue_entries
        where connector = $1 and list = $2 and code > $3 and ($4::text is null or code = $4)
            and ($5 or withdrawn_at is null)
        order by code limit $6",
        filter.connector.as_str(),
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
    conn: &mut PgConnection,
    filter: &ChangeFilter,
) -> Result<Vec<CatalogueChange>, StoreError> {
    let rows = sqlx::query!(
        "select connector, list, version, code, name, kind, differences, at from catalogue_changes
        where connector = $1 and ($2::text is null or list = $2) and at >= $3
        order by at desc, list, code, version desc limit $4",
        filter.connector.as_str(),
        filter.list,
        us(filter.since),
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
pub(crate) async fn mapping_version(conn: &mut PgConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar!("select mapping_version from installation where one = 1")
        .fetch_one(conn)
        .await
        .map_err(store_error)
}

/// That number and the mappings.
pub(crate) async fn mappings(
    conn: &mut PgConnection,
    withdrawn: bool,
) -> Result<(i64, Vec<Mapping>), StoreError> {
    let version = mapping_version(conn).await?;
    let rows = sqlx::query_scalar!("select mapping from mappings where $1 or is_live order by id", withdrawn)
        .fetch_all(conn)
        .await
        .map_err(store_error)?;
    Ok((version, rows.iter().map(|text| mapping(text)).collect::<Result<_, _>>()?))
}

fn mapping(text: &str) -> Result<Mapping, StoreError> {
    At::new("mappings", &"?").json("mapping", text)
}

/// Loads what a unit wants of catalogue and mappings. Whoever has a mapping's codes holds the installation's row, so that
/// two persons who confirm the same code see each other.
pub(crate) async fn load(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let whole = work.scope.catalogue.iter().cloned();
    let of_entries = work.scope.catalogue_entries.iter().map(|(c, list, _)| (c.clone(), list.clone()));
    let heads: BTreeSet<(ConnectorId, String)> = whole.chain(of_entries).collect();
    if !heads.is_empty() {
        let rows = sqlx::query_as!(
            HeadRow,
            "select l.connector, l.list, l.version, l.rows, l.held_back, l.pulled_at, l.changed_at
            from unnest($1::text[], $2::text[]) as w(connector, list)
            join catalogue_lists l on l.connector = w.connector and l.list = w.list
            order by l.connector, l.list for update of l",
            &heads.iter().map(|(connector, _)| connector.as_str()).collect::<Vec<_>>() as _,
            &heads.iter().map(|(_, list)| list.as_str()).collect::<Vec<_>>() as _,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for row in rows {
            let head = row.head()?;
            work.catalogue_heads.insert((head.connector.clone(), head.list.clone()), Loaded::stored(head));
        }
    }
    if !heads.is_empty() {
        let (lists, single) = (&work.scope.catalogue, &work.scope.catalogue_entries);
        let rows = sqlx::query_as!(
            EntryRow,
            r#"select e.connector as "connector!", e.list as "list!", e.code as "code!", e.name as "name!",
                e.in_force as "in_force!", e.content as "content!", e.version as "version!", e.first_at as "first_at!",
                e.changed_at as "changed_at!", e.withdrawn_at
            from unnest($1::text[], $2::text[]) as w(connector, list)
            join catalogue_entries e on e.connector = w.connector and e.list = w.list
            union
            select e.connector, e.list, e.code, e.name, e.in_force, e.content, e.version, e.first_at, e.changed_at,
                e.withdrawn_at
            from unnest($3::text[], $4::text[], $5::text[]) as w(connector, list, code)
            join catalogue_entries e on e.connector = w.connector and e.list = w.list and e.code = w.code"#,
            &lists.iter().map(|(connector, _)| connector.as_str()).collect::<Vec<_>>() as _,
            &lists.iter().map(|(_, list)| list.as_str()).collect::<Vec<_>>() as _,
            &single.iter().map(|(connector, ..)| connector.as_str()).collect::<Vec<_>>() as _,
            &single.iter().map(|(_, list, _)| list.as_str()).collect::<Vec<_>>() as _,
            &single.iter().map(|(.., code)| code.as_str()).collect::<Vec<_>>() as _,
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
    sqlx::query_scalar!("select mapping_version from installation where one = 1 for update")
        .fetch_one(&mut *conn)
        .await
        .map_err(store_error)?;
    let keys = &work.scope.mappings;
    let rows = sqlx::query_scalar!(
        r#"select m.mapping as "mapping!" from mappings m where m.id = any($4)
        union
        select m.mapping from unnest($1::text[], $2::text[], $3::text[]) as w(connector, kind, local)
        join mappings m on m.connector = w.connector and m.kind = w.kind and m.local = w.local and m.is_live"#,
        &keys.iter().map(|(connector, ..)| connector.as_str()).collect::<Vec<_>>() as _,
        &keys.iter().map(|(_, table, _)| table.name()).collect::<Vec<_>>() as _,
        &keys.iter().map(|(.., local)| local.as_str()).collect::<Vec<_>>() as _,
        &work.scope.mapping_ids.iter().copied().collect::<Vec<_>>() as _,
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
pub(crate) async fn write(conn: &mut PgConnection, work: &Work) -> Result<(), StoreError> {
    let rows = changed(work.catalogue_heads.values());
    if !rows.is_empty() {
        let written = sqlx::query!(
            "insert into catalogue_lists (connector, list, version, rows, held_back, pulled_at, changed_at)
            select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
            on conflict (connector, list) do update set version = excluded.version, rows = excluded.rows,
                held_back = excluded.held_back, pulled_at = excluded.pulled_at, changed_at = excluded.changed_at",
            &col(&rows, |h| h.connector.as_str()) as _,
            &col(&rows, |h| h.list.as_str()) as _,
            &col(&rows, |h| h.version) as _,
            &col(&rows, |h| h.rows) as _,
            &col(&rows, |h| h.held_back) as _,
            &col(&rows, |h| us(h.pulled_at)) as _,
            &col(&rows, |h| us(h.changed_at)) as _,
        );
        run(&mut *conn, written).await?;
    }
    let rows = changed(work.catalogue.values());
    if !rows.is_empty() {
        let written = sqlx::query!(
            "insert into catalogue_entries
                (connector, list, code, name, in_force, content, version, first_at, changed_at, withdrawn_at)
            select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::bigint[],
                $8::bigint[], $9::bigint[], $10::bigint[])
            on conflict (connector, list, code) do update set name = excluded.name, in_force = excluded.in_force,
                content = excluded.content, version = excluded.version, changed_at = excluded.changed_at,
                withdrawn_at = excluded.withdrawn_at",
            &col(&rows, |e| e.connector.as_str()) as _,
            &col(&rows, |e| e.list.as_str()) as _,
            &col(&rows, |e| e.code.as_str()) as _,
            &col(&rows, |e| e.name.as_str()) as _,
            &col(&rows, |e| e.in_force) as _,
            &col(&rows, |e| &*e.content) as _,
            &col(&rows, |e| e.version) as _,
            &col(&rows, |e| us(e.first_at)) as _,
            &col(&rows, |e| us(e.changed_at)) as _,
            &col(&rows, |e| us_if(e.withdrawn_at)) as _,
        );
        run(&mut *conn, written).await?;
    }
    let rows: Vec<&CatalogueChange> = work.catalogue_changes.iter().collect();
    if !rows.is_empty() {
        let written = sqlx::query!(
            "insert into catalogue_changes (connector, list, version, code, name, kind, differences, at)
            select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::smallint[], $7::text[],
                $8::bigint[])
            on conflict (connector, list, version, code) do nothing",
            &col(&rows, |c| c.connector.as_str()) as _,
            &col(&rows, |c| c.list.as_str()) as _,
            &col(&rows, |c| c.version) as _,
            &col(&rows, |c| c.code.as_str()) as _,
            &col(&rows, |c| c.name.as_str()) as _,
            &col(&rows, |c| c.kind.number()) as _,
            &json_col(&rows, |c| &c.differences)? as _,
            &col(&rows, |c| us(c.at)) as _,
        );
        run(&mut *conn, written).await?;
    }
    let rows = changed(work.mappings.values());
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into mappings (id, connector, kind, local, is_live, mapping)
        select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[])
        on conflict (id) do update set is_live = excluded.is_live, mapping = excluded.mapping",
        &col(&rows, |m| m.id) as _,
        &col(&rows, |m| m.connector.as_str()) as _,
        &col(&rows, |m| m.table.name()) as _,
        &col(&rows, |m| m.local.as_str()) as _,
        &col(&rows, |m| m.withdrawn.is_none()) as _,
        &json_col(&rows, |m| *m)? as _,
    );
    run(&mut *conn, written).await?;
    let counted = sqlx::query!("update installation set mapping_version = mapping_version + 1 where one = 1");
    run(conn, counted).await
}

//! Plans of replays and their items. What is asked in more than one way is put together by what is wanted, and checked
//! by the tests instead of a macro.

use lienthong_core::{
    id::{DossierCode, RowId, UnitCode},
    operation::{ActionKind, OperationState},
    outcome::Cause,
    port::{
        store::StoreError,
        work::{Loaded, Work},
    },
    replay::{Case, ItemFilter, ItemState, ItemView, Replay, ReplayItem, ReplayState, Tally, Treatment},
};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::{
    error::store_error,
    rows::{At, changed, col, json_col, us},
    write::run,
};

#[derive(sqlx::FromRow)]
struct ReplayRow {
    id: i64,
    state: i16,
    plan: String,
    progress: String,
    created_at: i64,
}

impl ReplayRow {
    fn replay(self) -> Result<Replay, StoreError> {
        let at = At::new("replays", &self.id);
        Ok(Replay {
            id: self.id,
            plan: at.json("plan", &self.plan)?,
            state: at.known("state", self.state, ReplayState::from_number(self.state))?,
            progress: at.json("progress", &self.progress)?,
            created_at: at.time("created_at", self.created_at)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ItemRow {
    replay: i64,
    operation: i64,
    lane: i64,
    subject: Option<String>,
    unit: Option<String>,
    since: i64,
    tried: i32,
    treatment: String,
    state: i16,
    sent_as: Option<i64>,
    at: i64,
    now: i16,
    cause: Option<String>,
    said: Option<String>,
}

impl ItemRow {
    fn view(self) -> Result<ItemView, StoreError> {
        let at = At::new("replay_items", &self.operation);
        let item = ReplayItem {
            replay: self.replay,
            operation: self.operation,
            lane: self.lane,
            subject: at.parse_if("subject", self.subject.as_deref())?,
            unit: at.parse_if("unit", self.unit.as_deref())?,
            since: at.time("since", self.since)?,
            tried: self.tried,
            treatment: at.known("treatment", &self.treatment, Treatment::from_name(&self.treatment))?,
            state: at.known("state", self.state, ItemState::from_number(self.state))?,
            sent_as: self.sent_as,
            at: at.time("at", self.at)?,
        };
        let now = at.known("now", self.now, OperationState::from_number(self.now))?;
        let cause = self.cause.as_deref().and_then(Cause::from_code);
        Ok(ItemView { item, now, cause, said: self.said })
    }
}

#[derive(sqlx::FromRow)]
struct CaseRow {
    operation: i64,
    lane: i64,
    subject: Option<String>,
    unit: Option<String>,
    action: String,
    state: i16,
    begun: bool,
    doubted: bool,
    cause: Option<String>,
    tried: i32,
    since: i64,
    is_known: bool,
    acknowledged: bool,
    is_moved: bool,
    has_open_state: bool,
    stands: bool,
    has_later_step: bool,
    is_sent_by_plan: bool,
}

impl CaseRow {
    fn case(self) -> Result<Case, StoreError> {
        let at = At::new("operations", &self.operation);
        Ok(Case {
            operation: self.operation,
            lane: self.lane,
            subject: at.parse_if("subject", self.subject.as_deref())?,
            unit: at.parse_if("unit", self.unit.as_deref())?,
            action: at.known("action", &self.action, ActionKind::from_name(&self.action))?,
            state: at.known("state", self.state, OperationState::from_number(self.state))?,
            begun: self.begun,
            doubted: self.doubted,
            cause: self.cause.as_deref().and_then(Cause::from_code),
            tried: self.tried,
            since: at.time("created_at", self.since)?,
            is_known: self.is_known,
            acknowledged: self.acknowledged,
            is_moved: self.is_moved,
            has_open_state: self.has_open_state,
            stands: self.stands,
            has_later_step: self.has_later_step,
            is_sent_by_plan: self.is_sent_by_plan,
        })
    }
}

/// Plans, newest first.
pub(crate) async fn replays(
    conn: &mut PgConnection,
    is_active: bool,
    limit: i64,
) -> Result<Vec<Replay>, StoreError> {
    let mut query: QueryBuilder<Postgres> =
        QueryBuilder::new("select id, state, plan, progress, created_at from replays");
    if is_active {
        query.push(" where is_active");
    }
    query.push(" order by created_at desc, id desc limit ").push_bind(limit);
    let rows = query.build_query_as::<ReplayRow>().fetch_all(conn).await.map_err(store_error)?;
    rows.into_iter().map(ReplayRow::replay).collect()
}

/// One plan with its items counted.
pub(crate) async fn replay(
    conn: &mut PgConnection,
    id: RowId,
) -> Result<Option<(Replay, Vec<Tally>)>, StoreError> {
    let mut query: QueryBuilder<Postgres> =
        QueryBuilder::new("select id, state, plan, progress, created_at from replays where id = ");
    query.push_bind(id);
    let row = query.build_query_as::<ReplayRow>().fetch_optional(&mut *conn).await.map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let counts = sqlx::query!(
        r#"select treatment, state, count(*) as "items!", min(since) as "oldest!",
            max(since) as "newest!"
        from replay_items where replay = $1
        group by treatment, state order by treatment, state"#,
        id
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let at = At::new("replay_items", &id);
    let tally = |treatment: &str, state: i16, items, oldest, newest| {
        Ok(Tally {
            treatment: at.known("treatment", treatment, Treatment::from_name(treatment))?,
            state: at.known("state", state, ItemState::from_number(state))?,
            items,
            oldest: at.time("since", oldest)?,
            newest: at.time("since", newest)?,
        })
    };
    let tallies = counts.iter().map(|c| tally(&c.treatment, c.state, c.items, c.oldest, c.newest));
    Ok(Some((row.replay()?, tallies.collect::<Result<_, StoreError>>()?)))
}

/// Items, each with the operation that was sent, or its own while nothing was.
pub(crate) async fn items(conn: &mut PgConnection, filter: &ItemFilter) -> Result<Vec<ItemView>, StoreError> {
    let mut query: QueryBuilder<Postgres> = QueryBuilder::new(
        "select i.replay, i.operation, i.lane, i.subject, i.unit, i.since, i.tried, i.treatment, i.state, i.sent_as, i.at,
            o.state as now, o.cause, o.said
        from replay_items i join operations o on o.id = coalesce(i.sent_as, i.operation)
        where i.replay = ",
    );
    query.push_bind(filter.replay).push(" and i.operation > ").push_bind(filter.after);
    if let Some(treatment) = filter.treatment {
        query.push(" and i.treatment = ").push_bind(treatment.name());
    }
    if let Some(state) = filter.state {
        query.push(" and i.state = ").push_bind(state.number());
    }
    query.push(" order by i.operation limit ").push_bind(filter.limit);
    let rows = query.build_query_as::<ItemRow>().fetch_all(conn).await.map_err(store_error)?;
    rows.into_iter().map(ItemRow::view).collect()
}

/// What the verdict about an operation goes by. A step that was sent in the place of an earlier one is no later step.
const CASES: &str = "select o.id as operation, o.lane, o.subject, o.unit, o.action, o.state, o.begun, o.doubted, o.cause,
    coalesce(o.attempt_number, 0) as tried, o.created_at as since, coalesce(d.known, false) as is_known, l.acknowledged,
    coalesce(o.action in ('sync_dossier', 'append_progress') and l.key <> o.subject, false) as is_moved,
    exists (
        select 1 from operations p
        where p.lane = o.lane and p.state < 10 and p.action = 'sync_dossier' and p.id <> o.id
    ) as has_open_state,
    coalesce(l.head <> o.id and (l.state = 6 or (l.state = 5 and coalesce(l.need, '') not like 'snapshot:%')), false)
        as stands,
    exists (
        select 1 from operations p
        where p.dossier = o.dossier and p.lane = o.lane and p.action = 'append_progress' and p.position > o.position
            and (p.state < 11 or p.begun) and not exists (
                select 1 from replay_items r join operations q on q.id = r.operation
                where r.sent_as = p.id and q.lane = o.lane and q.position < o.position
            )
    ) as has_later_step,
    exists (
        select 1 from replay_items r
        where r.lane = o.lane and r.treatment = 'resend_state' and r.replay = ";

const CASES_OF: &str = "
    ) as is_sent_by_plan
    from operations o join lanes l on l.id = o.lane left join dossiers d on d.id = o.dossier
    where o.id in (";

/// The next operations that a plan selects.
pub(crate) async fn cases(
    conn: &mut PgConnection,
    replay: &Replay,
    limit: i64,
) -> Result<Vec<Case>, StoreError> {
    let selection = &replay.plan.selection;
    let mut query: QueryBuilder<Postgres> = QueryBuilder::new(CASES);
    query.push_bind(replay.id).push(CASES_OF).push("select s.id from operations s where s.connector = ");
    query.push_bind(selection.connector.as_str());
    query.push(" and s.created_at <= ").push_bind(us(replay.created_at));
    let states: Vec<String> = selection.states.iter().map(|s| s.number().to_string()).collect();
    query.push(" and s.state in (").push(states.join(", ")).push(")");
    let texts = [
        (" and s.action = ", selection.action.map(ActionKind::name)),
        (" and s.cause = ", selection.cause.map(Cause::code)),
        (" and s.unit = ", selection.unit.as_ref().map(UnitCode::as_str)),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text);
        }
    }
    for (condition, moment) in
        [(" and s.created_at >= ", selection.since), (" and s.created_at < ", selection.until)]
    {
        if let Some(moment) = moment {
            query.push(condition).push_bind(us(moment));
        }
    }
    if !selection.subjects.is_empty() {
        let mut subjects = query.push(" and s.subject in (").separated(", ");
        for subject in &selection.subjects {
            subjects.push_bind(subject.as_str());
        }
        query.push(")");
    }
    let is_open = selection.states.iter().all(|s| !s.is_ended());
    if is_open {
        // The few open ones by their own index, and not by a walk through the numbers of all that ever were.
        query
            .push(" and s.state < 10 and +s.id > ")
            .push_bind(replay.progress.cursor)
            .push(" order by +s.id");
    } else {
        query.push(" and s.id > ").push_bind(replay.progress.cursor).push(" order by s.id");
    }
    query.push(" limit ").push_bind(limit).push(") order by o.id");
    fetch(conn, query).await
}

async fn fetch(conn: &mut PgConnection, mut query: QueryBuilder<Postgres>) -> Result<Vec<Case>, StoreError> {
    let rows = query.build_query_as::<CaseRow>().fetch_all(conn).await.map_err(store_error)?;
    rows.into_iter().map(CaseRow::case).collect()
}

/// Loads the plans of a unit, under their locks, their items, and what it decides by. Called when the lanes are locked:
/// nobody changes their operations any more.
pub(crate) async fn load(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    if !work.scope.replays.is_empty() {
        let ids: Vec<RowId> = work.scope.replays.iter().copied().collect();
        let rows = sqlx::query_as!(
            ReplayRow,
            "select id, state, plan, progress, created_at from replays where id = any($1) order by id for update",
            &ids as _,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for row in rows {
            work.replays.insert(row.id, Loaded::stored(row.replay()?));
        }
    }
    if !work.scope.replay_items.is_empty() {
        let (replays, operations): (Vec<RowId>, Vec<RowId>) = work.scope.replay_items.iter().copied().unzip();
        let rows = sqlx::query_as!(
            ItemRow,
            r#"select i.replay, i.operation, i.lane, i.subject, i.unit, i.since, i.tried, i.treatment, i.state, i.sent_as,
                i.at, o.state as now, o.cause, o.said
            from unnest($1::bigint[], $2::bigint[]) as w(replay, operation)
            join replay_items i on i.replay = w.replay and i.operation = w.operation
            join operations o on o.id = i.operation"#,
            &replays as _,
            &operations as _,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for row in rows {
            let item = row.view()?.item;
            work.replay_items.insert((item.replay, item.operation), Loaded::stored(item));
        }
    }
    if work.scope.cases.is_empty() {
        return Ok(());
    }
    let ids: Vec<RowId> = work.scope.cases.iter().copied().collect();
    let mut query: QueryBuilder<Postgres> = QueryBuilder::new(CASES);
    query.push_bind(0_i64).push(CASES_OF).push("select unnest(").push_bind(ids).push("))");
    let cases = fetch(conn, query).await?;
    work.cases.extend(cases.into_iter().map(|case| (case.operation, case)));
    Ok(())
}

/// Writes the plans and items that changed.
pub(crate) async fn write(conn: &mut PgConnection, work: &Work) -> Result<(), StoreError> {
    let rows = changed(work.replays.values());
    if !rows.is_empty() {
        let written = sqlx::query!(
            "insert into replays (id, state, is_active, plan, progress, created_at)
            select * from unnest($1::bigint[], $2::smallint[], $3::boolean[], $4::text[], $5::text[], $6::bigint[])
            on conflict (id) do update set state = excluded.state, is_active = excluded.is_active,
                progress = excluded.progress",
            &col(&rows, |r| r.id) as _,
            &col(&rows, |r| r.state.number()) as _,
            &col(&rows, |r| r.is_active()) as _,
            &json_col(&rows, |r| &r.plan)? as _,
            &json_col(&rows, |r| &r.progress)? as _,
            &col(&rows, |r| us(r.created_at)) as _,
        );
        run(&mut *conn, written).await?;
    }
    let rows = changed(work.replay_items.values());
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into replay_items (replay, operation, lane, subject, unit, since, tried, treatment, state, sent_as, at)
        select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[],
            $7::integer[], $8::text[], $9::smallint[], $10::bigint[], $11::bigint[])
        on conflict (replay, operation) do update set treatment = excluded.treatment, state = excluded.state,
            sent_as = excluded.sent_as, at = excluded.at",
        &col(&rows, |i| i.replay) as _,
        &col(&rows, |i| i.operation) as _,
        &col(&rows, |i| i.lane) as _,
        &col(&rows, |i| i.subject.as_ref().map(DossierCode::as_str)) as _,
        &col(&rows, |i| i.unit.as_ref().map(UnitCode::as_str)) as _,
        &col(&rows, |i| us(i.since)) as _,
        &col(&rows, |i| i.tried) as _,
        &col(&rows, |i| i.treatment.name()) as _,
        &col(&rows, |i| i.state.number()) as _,
        &col(&rows, |i| i.sent_as) as _,
        &col(&rows, |i| us(i.at)) as _,
    );
    run(conn, written).await
}

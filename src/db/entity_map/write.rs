//! Links as they are changed: stored, forgotten, and noted in the history.
use super::{Change, Held, Link};
use crate::clock::Clock;
use crate::db::OrgTx;
use crate::ids::{OrgId, new_uuid};
use jiff_sqlx::ToSqlx as _;

/// The five columns of a link's key, as lists.
type Keys<'a> = (Vec<&'a str>, Vec<&'a str>, Vec<&'a str>, Vec<&'a str>, Vec<&'a str>);

fn keys<'a>(links: impl Iterator<Item = &'a Link> + Clone) -> Keys<'a> {
    (
        links.clone().map(|l| l.from.kind.as_str()).collect(),
        links.clone().map(|l| l.from.id.as_str()).collect(),
        links.clone().map(|l| l.relation.as_str()).collect(),
        links.clone().map(|l| l.to.kind.as_str()).collect(),
        links.map(|l| l.to.id.as_str()).collect(),
    )
}

/// Adds links, or makes them say this.
pub async fn put(tx: &mut OrgTx, org: OrgId, all: &[Held]) -> Result<(), sqlx::Error> {
    for held in all.chunks(2_000) {
        let (from_kinds, from_ids, relations, to_kinds, to_ids) = keys(held.iter().map(|h| &h.link));
        sqlx::query(
            "insert into entity_links (org_id, from_kind, from_id, relation, to_kind, to_id, since, until, state,
                                       similarity, confidence, evidence, origin, set_by)
             select $1, n.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[],
                 $8::date[], $9::text[], $10::numeric[], $11::numeric[], $12::text[], $13::text[], $14::uuid[]) n
             on conflict (org_id, from_kind, from_id, relation, to_kind, to_id) do update
             set since = excluded.since, until = excluded.until, state = excluded.state,
                 similarity = excluded.similarity, confidence = excluded.confidence, evidence = excluded.evidence,
                 origin = excluded.origin, set_by = excluded.set_by",
        )
        .bind(org)
        .bind(from_kinds)
        .bind(from_ids)
        .bind(relations)
        .bind(to_kinds)
        .bind(to_ids)
        .bind(held.iter().map(|h| h.since.to_sqlx()).collect::<Vec<_>>())
        .bind(held.iter().map(|h| h.until.map(|day| day.to_sqlx())).collect::<Vec<_>>())
        .bind(held.iter().map(|h| h.state.as_str()).collect::<Vec<_>>())
        .bind(held.iter().map(|h| h.similarity).collect::<Vec<_>>())
        .bind(held.iter().map(|h| h.confidence).collect::<Vec<_>>())
        .bind(held.iter().map(|h| h.evidence.as_str()).collect::<Vec<_>>())
        .bind(held.iter().map(|h| h.origin.as_str()).collect::<Vec<_>>())
        .bind(held.iter().map(|h| h.set_by).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Forgets suggestions; nothing else is ever deleted.
pub async fn forget(tx: &mut OrgTx, org: OrgId, links: &[&Link]) -> Result<(), sqlx::Error> {
    let (from_kinds, from_ids, relations, to_kinds, to_ids) = keys(links.iter().copied());
    sqlx::query(
        "delete from entity_links l using unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
             n (from_kind, from_id, relation, to_kind, to_id)
         where l.org_id = $1 and l.state = 'suggested' and l.from_kind = n.from_kind and l.from_id = n.from_id
           and l.relation = n.relation and l.to_kind = n.to_kind and l.to_id = n.to_id",
    )
    .bind(org)
    .bind(from_kinds)
    .bind(from_ids)
    .bind(relations)
    .bind(to_kinds)
    .bind(to_ids)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes what became of links: the state each had before, and how it is held now.
pub async fn note(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    changes: &[(&str, &Held)],
) -> Result<(), sqlx::Error> {
    let now = clock.now().to_sqlx();
    for part in changes.chunks(2_000) {
        let (from_kinds, from_ids, relations, to_kinds, to_ids) = keys(part.iter().map(|(_, h)| &h.link));
        sqlx::query(
            "insert into entity_link_changes (org_id, at, id, from_kind, from_id, relation, to_kind, to_id, was, state,
                                              origin, confidence, evidence, set_by)
             select $1, $2, n.* from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                 $9::text[], $10::text[], $11::text[], $12::numeric[], $13::text[], $14::uuid[]) n",
        )
        .bind(org)
        .bind(now)
        .bind(part.iter().map(|_| new_uuid(clock)).collect::<Vec<_>>())
        .bind(from_kinds)
        .bind(from_ids)
        .bind(relations)
        .bind(to_kinds)
        .bind(to_ids)
        .bind(part.iter().map(|(was, _)| *was).collect::<Vec<_>>())
        .bind(part.iter().map(|(_, h)| h.word()).collect::<Vec<_>>())
        .bind(part.iter().map(|(_, h)| h.origin.as_str()).collect::<Vec<_>>())
        .bind(part.iter().map(|(_, h)| h.confidence).collect::<Vec<_>>())
        .bind(part.iter().map(|(_, h)| h.evidence.as_str()).collect::<Vec<_>>())
        .bind(part.iter().map(|(_, h)| h.set_by).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// What became of the links of one thing, oldest first.
pub async fn history(tx: &mut OrgTx, org: OrgId, thing: &super::Thing) -> Result<Vec<Change>, sqlx::Error> {
    use sqlx::Row as _;
    let rows = sqlx::query(
        "select at, from_kind, from_id, relation, to_kind, to_id, was, state, origin, evidence
         from entity_link_changes
         where org_id = $1 and ((from_kind = $2 and from_id = $3) or (to_kind = $2 and to_id = $3)) order by at, id",
    )
    .bind(org)
    .bind(thing.kind)
    .bind(&thing.id)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Change {
                at: crate::db::instant(row, "at")?,
                link: super::read::link(row)?,
                was: row.try_get("was")?,
                state: row.try_get("state")?,
                origin: row.try_get("origin")?,
                evidence: row.try_get("evidence")?,
            })
        })
        .collect()
}

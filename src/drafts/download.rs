//! `GET /api/drafts/{id}/export`: the approved draft as a file, or a preview with a watermark; each download is audited.
use super::DraftError;
use super::action::ExportFormat;
use super::approved::ran_out;
use super::conclude::{Done, conclude};
use super::drift::still_holds;
use super::export::{ExportFile, Person, Sheet, export};
use super::facts::Org;
use super::gather::{self, About};
use super::load::{self, load};
use super::payload::Hash;
use super::proposal::{Audience, Proposal};
use super::propose::about;
use super::seal::default_format;
use super::state::DraftState;
use crate::access::{Actor, Permission};
use crate::clock::Clock;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::facts as db;
use crate::db::drafts::people;
use crate::db::drafts::read;
use crate::db::{Db, OrgTx};
use crate::ids::DraftId;
use serde_json::{Value, json};

/// `format`: one of `editor`, `meta`, `json`, `list`, `markdown`; the type's first when left out.
pub async fn download(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    format: Option<ExportFormat>,
    preview: bool,
) -> Result<ExportFile, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let done = inner(&mut tx, clock, actor, id, format, preview).await;
    conclude(tx, db, clock, actor, ("export", Some(id)), done).await
}

async fn inner(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    actor: &Actor,
    id: DraftId,
    format: Option<ExportFormat>,
    preview: bool,
) -> Done<ExportFile> {
    actor.require(Permission::DraftExport).map_err(|missing| DraftError::missing(missing.0))?;
    let loaded = load(tx, actor.org, id).await?;
    let draft = &loaded.draft;
    let current = loaded.current()?;
    let proposal = loaded.proposal()?;
    loaded.verify()?;
    let approval = read::approval(tx, actor.org, id, draft.revision).await?;
    let standing = !draft.state.is_terminal() && draft.state != DraftState::Stale;
    let approval = approval.filter(|a| a.payload_hash == draft.payload_hash && standing);
    // What was carried out stays on record as a file; what was not must still be allowed.
    if let Some(late) = approval.as_ref().filter(|a| !a.consumed && a.expires_at <= clock.now())
        && !preview
    {
        return Err(ran_out(draft.number, late.expires_at));
    }
    let approval = approval.filter(|a| a.consumed || a.expires_at > clock.now());
    if approval.is_none() && !preview {
        let message = format!(
            "Draft {} is {}; only an approved draft is exported. preview=true shows it.",
            draft.number,
            draft.state.words()
        );
        return Err(DraftError::conflict("draft.not_approved", message));
    }
    let approved = approval.is_some();
    let carried_out = approval.as_ref().is_some_and(|a| a.consumed);
    let format = format.unwrap_or_else(|| default_format(loaded.action, &proposal, &draft.platform));
    let now = clock.now();
    let about = about(tx, actor.org, draft, &proposal).await?;
    let org = gather::org(tx, actor.org, now).await?;
    if approved && !carried_out && !preview {
        let facts = gather::facts(tx, actor.org, org.clone(), &about, &proposal, &draft.platform).await?;
        if let Err(stale) = still_holds(tx, clock, actor.org, &loaded, &facts).await? {
            return Ok(Err(stale));
        }
    }
    let Names { campaigns: names, ad_group, currency } = names(tx, &about, &draft.currency).await?;
    // Hashes are personal data: who may not propose or execute changes gets the file without them.
    let masked = !actor.may_see_people();
    let people = match (&proposal, approved, format) {
        (Proposal::Audience(a), true, ExportFormat::List) if a.method == "list" => {
            let google = draft.platform == "google_ads";
            hashed_people(tx, actor, &org, a, google).await?
        }
        _ => Vec::new(),
    };
    let diff = load::diff(current)?;
    let approvers = approval.map(|a| a.approvers).unwrap_or_default();
    let file = export(
        &Sheet {
            action: loaded.action,
            title: &loaded.title(),
            number: draft.number,
            revision: draft.revision,
            state: draft.state,
            platform: &draft.platform,
            account_id: current.payload.get("account_id").and_then(Value::as_str).unwrap_or_default(),
            currency: currency.parse().map_err(|e| DraftError::Broken(format!("{e}")))?,
            payload_hash: loaded.hash()?,
            payload: &current.payload,
            before: &current.before,
            rollback_plan: &current.rollback_plan,
            diff: &diff,
            proposal: &proposal,
            campaign_name: names.first().map_or("", String::as_str),
            other_name: names.get(1).map_or("", String::as_str),
            ad_group_name: &ad_group,
            approvers: &approvers,
            at: now,
            today: org.today,
            people: &people,
            masked,
            preview: !approved,
        },
        format,
    )?;
    let given = if masked { 0 } else { people.len() };
    let action = if given == 0 { "export.downloaded" } else { "audience.exported" };
    let mut entry = NewEntry::by(actor, action, "draft", id, now);
    entry.revision = Some(draft.revision);
    entry.payload_hash = Some(draft.payload_hash.clone());
    entry.after = Some(json!({"file": file.name, "format": format, "preview": !approved, "people": given}));
    if given > 0 {
        entry.consent_check = Some(format!("{given} people with consent to advertising at {now}"));
    }
    audit::append(tx, actor.org, &entry).await?;
    Ok(Ok(file))
}

/// What the things of a draft are called on their platform; the currency is that of the first campaign's account.
struct Names {
    campaigns: Vec<String>,
    ad_group: String,
    currency: String,
}

async fn names(tx: &mut OrgTx, about: &About, currency: &str) -> Result<Names, DraftError> {
    let mut out = Names { campaigns: Vec::new(), ad_group: String::new(), currency: currency.to_owned() };
    for (i, campaign) in about.campaigns.iter().enumerate() {
        if let Some(row) = db::campaign(tx, campaign).await? {
            if i == 0 {
                out.currency = row.currency;
            }
            out.campaigns.push(row.name);
        }
    }
    if let (Some(group), Some(campaign)) = (&about.ad_group, about.campaigns.first()) {
        let groups = db::ad_groups(tx, campaign, None).await?;
        out.ad_group = groups.into_iter().find(|g| g.id == *group).map(|g| g.name).unwrap_or_default();
    }
    Ok(out)
}

/// Consent is asked again at the moment of the download: whoever withdrew it since is not in the file.
async fn hashed_people(
    tx: &mut OrgTx,
    actor: &Actor,
    org: &Org,
    audience: &Audience,
    google: bool,
) -> Result<Vec<Person>, DraftError> {
    let found = gather::people_of(tx, actor.org, &audience.segment, org.now).await?;
    let Some((people, ..)) = found else { return Ok(Vec::new()) };
    let all = people::hashed(tx, actor.org, &people, audience.exclude_customers, org.today).await?;
    all.into_iter()
        .map(|row| {
            let hash = if google { row.email_hash_google.unwrap_or(row.email_hash) } else { row.email_hash };
            let code = row.country.len() == 2 && row.country.chars().all(|c| c.is_ascii_alphabetic());
            let country = if code { row.country.to_uppercase() } else { String::new() };
            Ok(Person { email: Hash::from_bytes(&hash)?.0, country })
        })
        .collect()
}

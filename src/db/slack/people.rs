//! Which member a user of Slack is: by verified e-mail, or by a one-time code.
use crate::access::Surface;
use crate::db::people::email_hash;
use crate::db::{Error, OrgTx};
use crate::ids::{MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rand::Rng;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

crate::closed_list! {
    /// How it is known that the user is the member.
    VerifiedBy = "verification" { Email = "email", Link = "link", Sso = "sso" }
}

/// Letters and digits that are not taken for one another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a code: 60 random bits.
const CODE_LENGTH: usize = 12;

/// The member a Slack user is linked to.
pub async fn linked(
    tx: &mut OrgTx,
    org: OrgId,
    team: &str,
    user: &str,
) -> Result<Option<(MemberId, VerifiedBy)>, Error> {
    sqlx::query_as(
        "select member_id, verified_by from identities
         where org_id = $1 and surface = $2 and team = $3 and external_user = $4",
    )
    .bind(org)
    .bind(Surface::Slack)
    .bind(team)
    .bind(user)
    .fetch_optional(&mut **tx)
    .await
}

/// The Slack users of a member, as (team, user).
pub async fn of_member(tx: &mut OrgTx, org: OrgId, member: MemberId) -> Result<Vec<(String, String)>, Error> {
    sqlx::query_as(
        "select team, external_user from identities
         where org_id = $1 and surface = $2 and member_id = $3 order by linked_at, team, external_user",
    )
    .bind(org)
    .bind(Surface::Slack)
    .bind(member)
    .fetch_all(&mut **tx)
    .await
}

/// Links a Slack user to a member. A link by code replaces an earlier one; a link by e-mail stands behind any other.
/// `false`: nothing changed.
pub async fn link(
    tx: &mut OrgTx,
    org: OrgId,
    (team, user): (&str, &str),
    member: MemberId,
    by: VerifiedBy,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "insert into identities (org_id, surface, team, external_user, member_id, verified_by, linked_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (org_id, surface, team, external_user) do update
         set member_id = excluded.member_id, verified_by = excluded.verified_by, linked_at = excluded.linked_at
         where excluded.verified_by <> 'email' and identities.member_id <> excluded.member_id",
    )
    .bind(org)
    .bind(Surface::Slack)
    .bind(team)
    .bind(user)
    .bind(member)
    .bind(by)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The active member with this address.
pub async fn member_by_email(tx: &mut OrgTx, org: OrgId, email: &str) -> Result<Option<MemberId>, Error> {
    sqlx::query_scalar("select id from members where org_id = $1 and email_hash = $2 and state = 'active'")
        .bind(org)
        .bind(email_hash(email).as_slice())
        .fetch_optional(&mut **tx)
        .await
}

/// A new one-time code, in groups of four. `rng` must be the operating system's (or a test's).
pub fn new_code(rng: &mut impl Rng) -> SecretString {
    let mut bytes = [0u8; CODE_LENGTH];
    rng.fill_bytes(&mut bytes);
    let letters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
    let code = letters.enumerate().fold(String::new(), |mut code, (n, letter)| {
        if n > 0 && n % 4 == 0 {
            code.push('-');
        }
        code.push(letter);
        code
    });
    SecretString::from(code)
}

/// What is stored of a code: case, spaces and dashes do not count.
fn code_hash(code: &str) -> [u8; 32] {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Sha256::digest(format!("link {plain}").as_bytes()).into()
}

/// Keeps a code with which somebody on another surface can prove to be the member; earlier ones end.
pub async fn keep_code(
    tx: &mut OrgTx,
    org: OrgId,
    member: MemberId,
    code: &SecretString,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query("delete from login_links where org_id = $1 and member_id = $2 and purpose = 'link'")
        .bind(org)
        .bind(member)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into login_links (org_id, token_hash, member_id, purpose, expires_at, created_at)
         values ($1, $2, $3, 'link', $4, $5)",
    )
    .bind(org)
    .bind(code_hash(code.expose_secret()).as_slice())
    .bind(member)
    .bind(expires_at.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses a code up: the member it belongs to. `None`: unknown, used before, expired, or the member is not active.
pub async fn use_code(
    tx: &mut OrgTx,
    org: OrgId,
    code: &str,
    at: Timestamp,
) -> Result<Option<MemberId>, Error> {
    sqlx::query_scalar(
        "update login_links l set used_at = $3 from members m
         where l.org_id = $1 and l.token_hash = $2 and l.purpose = 'link' and l.used_at is null and l.expires_at > $3
           and m.org_id = $1 and m.id = l.member_id and m.state = 'active'
         returning l.member_id",
    )
    .bind(org)
    .bind(code_hash(code).as_slice())
    .bind(at.to_sqlx())
    .fetch_optional(&mut **tx)
    .await
}

/// How many identities of Slack there are.
pub async fn count(tx: &mut OrgTx, org: OrgId) -> Result<i64, Error> {
    sqlx::query_scalar("select count(*) from identities where org_id = $1 and surface = $2")
        .bind(org)
        .bind(Surface::Slack)
        .fetch_one(&mut **tx)
        .await
}

//! The organisation of the demo and its people, all fictional.
use super::plan::{COMPANY, CURRENCY, ZONE};
use crate::access::Role;
use crate::clock::Clock;
use crate::db::people::{self, Grant, Member, NewMember, NewOrg, RouteKind};
use crate::db::{Db, Error};
use crate::ids::{MemberId, OrgId};
use crate::money::Currency;
use std::str::FromStr;

/// The organisation's short name on its server.
pub const SLUG: &str = "fernhill";

/// Name, first name in the address, role. The second approver may also approve high tiers.
const PEOPLE: [(&str, &str, Role); 7] = [
    ("Mara Lind", "mara", Role::Marketer),
    ("Alex Moreau", "alex", Role::Approver),
    ("Noor Haddad", "noor", Role::Approver),
    ("Adele Brunner", "adele", Role::Admin),
    ("Vito Sommer", "vito", Role::Viewer),
    ("Clara Weiss", "clara", Role::Compliance),
    ("Ines Duarte", "ines", Role::Analyst),
];

/// The demo organisation and who works there.
#[derive(Clone, Debug)]
pub struct Company {
    pub org: OrgId,
    pub members: Vec<Member>,
}

/// The address of somebody of the demo company, by first name.
fn address(first_name: &str) -> String {
    format!("{}@fernhill.example", first_name.to_lowercase())
}

impl Company {
    /// The confirmed address of a member of the demo.
    pub fn email(member: &Member) -> String {
        address(member.name.split(' ').next().unwrap_or_default())
    }

    /// A member by first name, any case.
    pub fn member(&self, first_name: &str) -> Option<&Member> {
        self.members
            .iter()
            .find(|m| m.name.split(' ').next().is_some_and(|n| n.eq_ignore_ascii_case(first_name)))
    }
}

/// Makes the organisation and its people, or finds them: a second call changes nothing.
pub async fn found(db: &Db, clock: &dyn Clock) -> Result<Company, Error> {
    let org = match db.route(RouteKind::Org, SLUG).await? {
        Some(route) => route.org_id,
        None => make(db, clock).await?,
    };
    let mut tx = db.org(org).await?;
    let members = people::members(&mut tx, org).await?;
    tx.commit().await?;
    Ok(Company { org, members })
}

async fn make(db: &Db, clock: &dyn Clock) -> Result<OrgId, Error> {
    let (org, now) = (OrgId::new(clock), clock.now());
    let currency = Currency::from_str(CURRENCY).map_err(|e| Error::Encode(e.into()))?;
    let new = NewOrg { name: COMPANY, slug: SLUG, time_zone: ZONE, currency, locale: "en" };
    let mut tx = db.org(org).await?;
    people::create_org(&mut tx, org, &new, now).await?;
    for (name, address, role) in PEOPLE {
        let id = MemberId::new(clock);
        let email = self::address(address);
        people::create_member(&mut tx, org, id, &NewMember { name, email: &email, role }, now).await?;
        if address == "noor" {
            let high = Grant { permission: "draft.approve_high".to_owned(), scope: serde_json::json!({}) };
            people::grant(&mut tx, org, id, &high, None, now).await?;
        }
    }
    tx.commit().await?;
    Ok(org)
}

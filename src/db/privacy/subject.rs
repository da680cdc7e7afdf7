//! Who an id, an address or a number is: everything that is known to be the same person.
use super::marks::Marker;
use crate::db::people::hex;
use crate::db::{Error, OrgTx};
use crate::ids::{OrgId, SourceId};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// A person as the rows know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Of customers, actors and leads; hashes of addresses in hex, as actors may be called by them.
    pub ids: BTreeSet<String>,
    /// SHA-256 of addresses and numbers.
    pub hashes: BTreeSet<Vec<u8>>,
    pub orders: BTreeSet<String>,
    /// Addresses and numbers as they were given, to be looked for in words.
    pub words: BTreeSet<String>,
}

/// Links are followed this often: an actor, their customer, that one's address, another customer with it, and so on.
const ROUNDS: usize = 8;

impl Person {
    /// What a subject says of itself: an address, a number, a hash of either, or an id.
    pub fn named(subjects: &[String]) -> Self {
        let mut person = Self::default();
        for subject in subjects.iter().map(|subject| subject.trim()) {
            let number: String =
                subject.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/')).collect();
            if subject.contains('@') {
                person.words.insert(subject.to_owned());
                person.hash(Sha256::digest(subject.to_lowercase()).to_vec());
            } else if number.strip_prefix('+').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit())) {
                person.words.insert(subject.to_owned());
                person.hash(Sha256::digest(&number).to_vec());
            } else {
                person.ids.insert(subject.to_owned());
                if let Some(bytes) = unhex(subject) {
                    person.hashes.insert(bytes);
                }
            }
        }
        person
    }

    fn hash(&mut self, hash: Vec<u8>) {
        self.ids.insert(hex(&hash));
        self.hashes.insert(hash);
    }

    pub fn is_empty(&self) -> bool {
        self.size() == 0 && self.words.is_empty()
    }

    /// The marks of everything that this person is called by.
    pub fn marks(&self, marker: &Marker) -> Vec<Vec<u8>> {
        let hashes = self.hashes.iter().map(|hash| hex(hash));
        let ids = self.ids.iter().chain(&self.orders).cloned();
        let all: BTreeSet<Vec<u8>> = ids.chain(hashes).map(|id| marker.mark(&id)).collect();
        all.into_iter().collect()
    }

    fn size(&self) -> usize {
        self.ids.len() + self.hashes.len() + self.orders.len()
    }

    pub(super) fn texts(of: &BTreeSet<String>) -> Vec<String> {
        of.iter().cloned().collect()
    }
}

/// 64 lower-case hex digits as bytes.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let byte = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    is_hash.then(|| (0..64).step_by(2).filter_map(byte).collect())
}

/// Everybody that a connection told of, by the ids it gave them, and their orders. Not who else they may be.
pub async fn of_source(tx: &mut OrgTx, org: OrgId, source: SourceId) -> Result<Person, Error> {
    let mut people = Person::default();
    for table in ["customers", "leads", "orders"] {
        let statement = format!("select id from {table} where org_id = $1 and source_id = $2");
        let ids: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(org)
            .bind(source)
            .fetch_all(&mut **tx)
            .await?;
        let into = if table == "orders" { &mut people.orders } else { &mut people.ids };
        into.extend(ids);
    }
    Ok(people)
}

/// Follows the links of a person until nothing new is found. Customers are one person when they have the same e-mail address;
/// a shared telephone is no link.
pub async fn find(tx: &mut OrgTx, org: OrgId, mut person: Person) -> Result<Person, Error> {
    for _ in 0..ROUNDS {
        let before = person.size();
        let ids = Person::texts(&person.ids);
        let hashes: Vec<Vec<u8>> = person.hashes.iter().cloned().collect();
        let customers: Vec<(String, Option<Vec<u8>>)> = sqlx::query_as(
            "select id, email_hash from customers
              where org_id = $1 and (id = any($2) or email_hash = any($3) or email_hash_google = any($3)
                                     or phone_hash = any($3))",
        )
        .bind(org)
        .bind(&ids)
        .bind(&hashes)
        .fetch_all(&mut **tx)
        .await?;
        for (id, email) in customers {
            person.ids.insert(id);
            if let Some(email) = email.filter(|email| !email.is_empty()) {
                person.hash(email);
            }
        }
        let more: Vec<String> = sqlx::query_scalar(
            "select actor_id from actor_links where org_id = $1 and customer_id = any($2)
             union select customer_id from actor_links where org_id = $1 and actor_id = any($2)
             union select id from leads where org_id = $1 and customer_id = any($2)
             union select customer_id from leads where org_id = $1 and id = any($2) and customer_id is not null",
        )
        .bind(org)
        .bind(Person::texts(&person.ids))
        .fetch_all(&mut **tx)
        .await?;
        person.ids.extend(more);
        let orders: Vec<String> =
            sqlx::query_scalar("select id from orders where org_id = $1 and customer_id = any($2)")
                .bind(org)
                .bind(Person::texts(&person.ids))
                .fetch_all(&mut **tx)
                .await?;
        person.orders.extend(orders);
        if person.size() == before {
            break;
        }
    }
    person.ids.remove("");
    Ok(person)
}

//! Lists: the people of an audience as the platform's upload wants them, hashed; or the rule in words.
//!
//! Columns and hashes are those of `actions.md` §11. Of a person only the address's hash is known here, and a country:
//! the platforms normalise phone numbers differently, so that one stored hash of a phone would be wrong for most.
use super::Sheet;
use super::csv::Table;
use crate::drafts::DraftError;
use crate::drafts::payload::Hash;
use crate::drafts::proposal::{Audience, Proposal};

/// Somebody who consented to advertising.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// SHA-256 of the address as the platform of the list normalises it.
    pub email: [u8; 32],
    /// ISO 3166 alpha-2, or empty.
    pub country: String,
}

/// Extension, media type, content.
type File = (&'static str, &'static str, Vec<u8>);

const CSV: (&str, &str) = ("csv", "text/csv; charset=utf-8");

pub fn sheet(sheet: &Sheet<'_>) -> Result<File, DraftError> {
    let Proposal::Audience(audience) = sheet.proposal else {
        return Err(DraftError::Broken("only audiences have lists".to_owned()));
    };
    if audience.method == "rule" {
        return Ok((CSV.0, CSV.1, rule(sheet, audience)?));
    }
    let note = match (sheet.watermark(), sheet.masked) {
        (Some(mark), _) => Some(mark),
        (None, true) => Some(format!("{} people, masked", sheet.people.len())),
        (None, false) => None,
    };
    let people = if sheet.masked { &[] } else { sheet.people };
    if sheet.platform == "tiktok_ads" {
        let lines = note.into_iter().chain(people.iter().map(|p| Hash(p.email).to_string()));
        let body: String = lines.map(|line| format!("{line}\n")).collect();
        return Ok(("txt", "text/plain; charset=utf-8", body.into_bytes()));
    }
    let (columns, email, country): (&[&str], &str, &str) = match sheet.platform {
        "google_ads" => {
            (&["Email", "Phone", "First Name", "Last Name", "Country", "Zip"], "Email", "Country")
        }
        "meta_ads" => (&["email", "phone", "fn", "ln", "country"], "email", "country"),
        "reddit_ads" => (&["email_sha256"], "email_sha256", ""),
        _ => (&["email"], "email", ""),
    };
    let mut table = Table::new(columns.iter().copied());
    if let Some(note) = note {
        table.row(&[(email, &note)]);
    }
    for person in people {
        let lower = person.country.to_lowercase();
        let shown = if sheet.platform == "meta_ads" { &lower } else { &person.country };
        table.row(&[(email, &Hash(person.email).to_string()), (country, shown)]);
    }
    Ok((CSV.0, CSV.1, table.write()?))
}

fn rule(sheet: &Sheet<'_>, audience: &Audience) -> Result<Vec<u8>, DraftError> {
    let mut table = Table::new(["Field", "Value"]);
    let window = crate::drafts::requests::audience::window(&audience.segment);
    let rows = [
        ("Draft", Some(sheet.stamp())),
        ("Watermark", sheet.watermark()),
        ("Audience name", Some(audience.name.clone())),
        ("Segment", Some(audience.segment.clone())),
        ("Look-back days", window.map(|days| days.to_string())),
        ("Membership days", Some(audience.membership_days.to_string())),
        ("Exclude customers", Some(audience.exclude_customers.to_string())),
    ];
    for (field, value) in rows {
        if let Some(value) = value {
            table.row(&[("Field", field), ("Value", &value)]);
        }
    }
    for line in sheet.diff {
        table.row(&[("Field", "Change"), ("Value", line)]);
    }
    table.write()
}

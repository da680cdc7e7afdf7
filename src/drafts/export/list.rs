//! Lists: the people of an audience as the platform's upload wants them, hashed; or the rule in words.
use super::Sheet;
use super::csv::Table;
use crate::drafts::DraftError;
use crate::drafts::payload::Hash;
use crate::drafts::proposal::Proposal;

pub fn sheet(sheet: &Sheet<'_>) -> Result<Vec<u8>, DraftError> {
    let Proposal::Audience(audience) = sheet.proposal else {
        return Err(DraftError::Broken("only audiences have lists".to_owned()));
    };
    if audience.method == "rule" {
        let mut table = Table::new(["Field", "Value"]);
        let days = audience.membership_days.to_string();
        let mark = sheet.watermark();
        let rows = [
            ("Draft", Some(sheet.stamp())),
            ("Watermark", mark),
            ("Audience name", Some(audience.name.clone())),
            ("Segment", Some(audience.segment.clone())),
            ("Membership days", Some(days)),
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
        return table.write();
    }
    let column = match sheet.platform {
        "google_ads" => "Email",
        "reddit_ads" => "email_sha256",
        _ => "email",
    };
    let mut table = Table::new([column]);
    if let Some(mark) = sheet.watermark() {
        table.row(&[(column, &mark)]);
    }
    for person in sheet.people {
        table.row(&[(column, &Hash(*person).to_string())]);
    }
    table.write()
}

//! Numbers of people: phones, cards, accounts, social security, computers.
use super::Pii;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Which cards are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cards {
    /// Whatever passes Luhn: 13 to 19 digits.
    Any,
    /// Beginning and length of a card's brand too: of a platform's long ids one in ten passes Luhn.
    Brands,
}

/// A card, social security number, IPv4 address or phone in a text.
pub fn find(text: &str, cards: Cards) -> Option<Pii> {
    Runs { text, at: 0 }.find_map(|run| in_run(&run, cards))
}

/// The same where numbers with separators are no phones: in the path of an address.
pub fn find_plain(text: &str) -> Option<Pii> {
    Runs { text, at: 0 }.find_map(|run| match in_run(&run, Cards::Brands) {
        Some(Pii::Phone) if !run.plus => None,
        found => found,
    })
}

/// Digits with separators between them, as long as they go on.
struct Run<'a> {
    text: &'a str,
    plus: bool,
}

struct Runs<'a> {
    text: &'a str,
    at: usize,
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'(' | b')')
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at + bytes[self.at..].iter().position(u8::is_ascii_digit)?;
            let mut end = start + 1;
            let mut at = end;
            while let Some(byte) = bytes.get(at) {
                if byte.is_ascii_digit() {
                    end = at + 1;
                } else if !is_separator(*byte) || !joins(bytes, at) {
                    break;
                }
                at += 1;
            }
            self.at = end;
            // Part of a word, as in a UUID: no number.
            let before = self.text[..start].trim_end_matches('(');
            let plus = before.ends_with('+');
            let before = before.strip_suffix(['-', '+']).unwrap_or(before);
            let after = &self.text[end..];
            let after = after.strip_prefix('-').unwrap_or(after);
            let word = |c: char| c.is_alphanumeric() || c == '_';
            if !before.ends_with(word) && !after.starts_with(word) {
                return Some(Run { text: &self.text[start..end], plus });
            }
        }
    }
}

/// Whether the separator at `at` joins what is around it: one alone, or a bracket with one beside it.
fn joins(bytes: &[u8], at: usize) -> bool {
    let plain = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(|byte| is_separator(*byte) && !matches!(byte, b'(' | b')'))
    };
    matches!(bytes[at], b'(' | b')') || !plain(at.checked_sub(1)) && !plain(Some(at + 1))
}

fn in_run(run: &Run<'_>, cards: Cards) -> Option<Pii> {
    let text = run.text;
    if text.split(' ').any(is_ipv4) {
        return Some(Pii::Ip);
    }
    let groups: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    if groups.windows(3).any(|three| is_ssn(text, three)) {
        return Some(Pii::Ssn);
    }
    if holds_card(&groups, cards) {
        return Some(Pii::Card);
    }
    is_phone(run).then_some(Pii::Phone)
}

fn is_ipv4(text: &str) -> bool {
    // The parser refuses zeros in front, as a version or a date has them.
    text.len() >= 7 && text.parse::<Ipv4Addr>().is_ok()
}

/// `AAA-GG-SSSS` of a number that can be given out.
fn is_ssn(text: &str, groups: &[&str]) -> bool {
    let [area, group, serial] = groups else { return false };
    (area.len(), group.len(), serial.len()) == (3, 2, 4)
        && !matches!(*area, "000" | "666")
        && !area.starts_with('9')
        && *group != "00"
        && *serial != "0000"
        && text.contains(&format!("{area}-{group}-{serial}"))
}

fn holds_card(groups: &[&str], cards: Cards) -> bool {
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let whole = groups.iter().any(|group| is_card(group, cards));
    let parted = |form: &[usize]| {
        lengths
            .windows(form.len())
            .zip(groups.windows(form.len()))
            .any(|(found, groups)| found == form && is_card(&groups.concat(), cards))
    };
    whole || parted(&[4, 4, 4, 4]) || parted(&[4, 4, 4, 4, 3]) || parted(&[4, 6, 5]) || parted(&[4, 6, 4])
}

fn is_card(digits: &str, cards: Cards) -> bool {
    (13..=19).contains(&digits.len())
        && !digits.starts_with('0')
        && (cards == Cards::Any || is_brand(digits))
        && luhn(digits)
}

/// Beginnings and lengths of the cards in use (ISO/IEC 7812 ranges of Visa, Mastercard, American Express, Discover, Diners
/// and JCB). Visa's old 13 digits are left out: the ids of shops have as many.
fn is_brand(digits: &str) -> bool {
    let first = |n: usize| digits[..n].parse::<u32>().unwrap_or(0);
    match digits.len() {
        14 => matches!(first(2), 36 | 38) || matches!(first(3), 300..=305),
        15 => matches!(first(2), 34 | 37),
        16 => {
            first(1) == 4
                || matches!(first(2), 51..=55 | 65)
                || matches!(first(4), 2221..=2720 | 6011 | 3528..=3589)
        }
        19 => first(1) == 4 || first(4) == 6011,
        _ => false,
    }
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0');
            if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// E.164 (`+`, 8 to 15 digits), or 9 to 15 digits with separators that are no date and no fraction.
fn is_phone(run: &Run<'_>) -> bool {
    let text = without_dates(run.text);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if run.plus {
        return (8..=15).contains(&digits);
    }
    let separators = text.bytes().filter(|byte| !byte.is_ascii_digit());
    let (count, dots) = separators.fold((0, 0), |(n, dots), byte| (n + 1, dots + usize::from(byte == b'.')));
    (9..=15).contains(&digits) && count > 0 && !(count == 1 && dots == 1)
}

/// A run without the day it begins or ends with: `2026-01-25`, `25.01.2026`.
fn without_dates(text: &str) -> &str {
    let text = if is_date(text.get(..10).unwrap_or_default()) { &text[10..] } else { text };
    let cut = text.len().saturating_sub(10);
    let text = if is_date(text.get(cut..).unwrap_or_default()) { &text[..cut] } else { text };
    text.trim_matches([' ', '-', '.'])
}

fn is_date(text: &str) -> bool {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let number = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap_or(0);
    let (year, month, day) = match form.as_str() {
        "9999-99-99" | "9999.99.99" => (number(0..4), number(5..7), number(8..10)),
        "99.99.9999" | "99-99-9999" => (number(6..10), number(3..5), number(0..2)),
        _ => return false,
    };
    let in_month = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    (1900..=2100).contains(&year) && (in_month(month, day) || in_month(day, month))
}

pub fn holds_ipv6(text: &str) -> bool {
    let part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let mut at = 0;
    while let Some(start) = text[at..].find(part).map(|found| at + found) {
        let end = text[start..].find(|c| !part(c)).map_or(text.len(), |found| start + found);
        let (before, word, after) = (&text[..start], text[start..end].trim_end_matches('.'), &text[end..]);
        let alone = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        let trimmed = if word.ends_with("::") { word } else { word.trim_end_matches(':') };
        if alone && trimmed.parse::<Ipv6Addr>().is_ok_and(|address| !address.is_unspecified()) {
            return true;
        }
        at = end;
    }
    false
}

/// How long an account number of a country is (the registry of ISO 13616).
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 \
    EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 \
    LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 \
    SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

fn iban_length(country: &[u8]) -> Option<usize> {
    let country = std::str::from_utf8(country).ok()?.to_ascii_uppercase();
    IBAN_LENGTHS
        .split(' ')
        .find_map(|entry| entry.strip_prefix(&country))
        .and_then(|length| length.parse().ok())
}

pub fn holds_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(4).enumerate().any(|(at, start)| {
        let opens = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        opens
            && start[..2].iter().all(u8::is_ascii_alphabetic)
            && start[2..].iter().all(u8::is_ascii_digit)
            && iban_length(&start[..2]).is_some_and(|length| is_iban(&bytes[at..], length))
    })
}

/// The first `length` letters and digits (blanks between them allowed), and nothing that goes on; ISO 7064 mod 97.
fn is_iban(bytes: &[u8], length: usize) -> bool {
    let mut account = Vec::with_capacity(length);
    let mut rest = bytes.iter();
    for byte in rest.by_ref() {
        if byte.is_ascii_alphanumeric() {
            account.push(byte.to_ascii_uppercase());
            if account.len() == length {
                break;
            }
        } else if *byte != b' ' {
            return false;
        }
    }
    if account.len() < length || rest.next().is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    account.rotate_left(4);
    let remainder = account.iter().fold(0_u32, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

//! The hash by which a repeated event is known: SHA-256 of the canonical form of what was sent.
//!
//! The form is that of RFC 8785 (sorted keys, no blanks, one spelling a string and a number), with one difference: a number
//! that no double holds keeps all its digits, where RFC 8785 would round it and take two amounts for one.
use super::json::{Json, quote};
use super::number::Number;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

pub fn hash(item: &Json<'_>) -> [u8; 32] {
    Sha256::digest(text(item)).into()
}

/// The canonical form.
pub fn text(item: &Json<'_>) -> String {
    let mut out = String::with_capacity(512);
    write(item, &mut out);
    out
}

fn write(item: &Json<'_>, out: &mut String) {
    match item {
        Json::Number(digits) => Number::of(digits).write(out),
        Json::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Map(entries) => {
            let mut sorted: Vec<&(Cow<'_, str>, Json<'_>)> = entries.iter().collect();
            sorted.sort_unstable_by(|(a, _), (b, _)| in_order(a, b));
            out.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quote(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Json::Null | Json::Bool(_) | Json::Text(_) | Json::Unstorable(_) => item.write(out),
    }
}

/// By UTF-16 units, as RFC 8785 sorts; bytes sort alike where there is nothing but ASCII.
fn in_order(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

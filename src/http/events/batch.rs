//! The body of `POST /api/events`: what it is called, how it is packed, and the items in it.
//!
//! Nothing is taken on trust: a body is read up to a limit, unpacked up to a limit, and split without being understood.
use crate::http::problem::Problem;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt as _;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::io::Read;

/// `events.md` §6.
pub const MOST_ITEMS: usize = 1_000;
const MOST_PACKED: usize = 5 << 20;
const MOST_UNPACKED: usize = 20 << 20;
/// The largest window a zstd body may ask for, as a power of two: 8 MiB, as RFC 8878 advises.
const ZSTD_WINDOW: u32 = 23;

/// How the items are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{"events": […]}` or a bare array.
    Json,
    /// An item a line.
    Lines,
}

/// How the body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    None,
    Gzip,
    Zstd,
}

/// What the headers say of the body, or why it is not read.
pub fn described(headers: &HeaderMap) -> Result<(Form, Packing), Problem> {
    let unsupported =
        |code: &str, text: String| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, text));
    let text =
        |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    let media = text(header::CONTENT_TYPE).unwrap_or_else(|| "application/json".to_owned());
    let form = match media.split(';').next().unwrap_or_default().trim() {
        "application/json" => Form::Json,
        "application/x-ndjson" => Form::Lines,
        other => {
            let text = format!(
                "Content-Type '{}' is not supported; send application/json or application/x-ndjson.",
                cut(other)
            );
            return unsupported("batch.media_type", text);
        }
    };
    let packing = match text(header::CONTENT_ENCODING).as_deref() {
        None | Some("" | "identity") => Packing::None,
        Some("gzip" | "x-gzip") => Packing::Gzip,
        Some("zstd") => Packing::Zstd,
        Some(other) => {
            return unsupported(
                "batch.encoding",
                format!("Content-Encoding '{}' is not supported.", cut(other)),
            );
        }
    };
    Ok((form, packing))
}

/// The start of a text of the caller's, for a message.
fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

fn too_large(text: &str) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "batch.too_large", text)
}

/// The body as it was sent, up to what it may have.
pub async fn read(body: Body, packing: Packing) -> Result<Bytes, Problem> {
    let (most, text) = match packing {
        Packing::None => (MOST_UNPACKED, "Decompressed body exceeds 20 MiB."),
        Packing::Gzip | Packing::Zstd => (MOST_PACKED, "Compressed body exceeds 5 MiB."),
    };
    let mut read = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| {
            Problem::bad_request(
                "request.malformed",
                "The body ended early. Nothing was stored; send it again.",
            )
        })?;
        if read.len() + piece.len() > most {
            return Err(too_large(text));
        }
        read.extend_from_slice(&piece);
    }
    Ok(read.into())
}

/// The body without its packing; the decoder is not asked for more than may be.
pub fn unpack(body: Bytes, packing: Packing) -> Result<Bytes, Problem> {
    let broken = |name: &str| {
        Problem::bad_request(
            "batch.encoding",
            format!("The body does not decompress as {name}. Nothing was stored."),
        )
    };
    let mut unpacked = Vec::new();
    let most = MOST_UNPACKED as u64 + 1;
    match packing {
        Packing::None => return Ok(body),
        Packing::Gzip => {
            let decoder = flate2::read::MultiGzDecoder::new(&body[..]);
            decoder.take(most).read_to_end(&mut unpacked).map_err(|_| broken("gzip"))?;
        }
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(&body[..]).map_err(|_| broken("zstd"))?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(|_| broken("zstd"))?;
            decoder.take(most).read_to_end(&mut unpacked).map_err(|_| broken("zstd"))?;
        }
    }
    if unpacked.len() > MOST_UNPACKED {
        return Err(too_large("Decompressed body exceeds 20 MiB."));
    }
    Ok(unpacked.into())
}

/// The texts of the items, in order.
pub fn split(body: &[u8], form: Form) -> Result<Vec<&RawValue>, Problem> {
    let items = match form {
        Form::Json => serde_json::from_slice::<Sent<'_>>(body).map_err(|error| invalid(&error, 0))?.0,
        Form::Lines => lines(body)?,
    };
    match items.count {
        0 => Err(Problem::bad_request("batch.empty", "The batch holds no events.")),
        n if n > MOST_ITEMS => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "batch.too_many",
            format!("A batch may hold at most {MOST_ITEMS} events; got {n}."),
        )),
        _ => Ok(items.kept),
    }
}

/// An item a line; lines without anything are skipped.
fn lines(body: &[u8]) -> Result<Items<'_>, Problem> {
    let mut items = Items::default();
    for (number, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let item = serde_json::from_slice(line).map_err(|error| invalid(&error, number))?;
        items.add(item);
    }
    Ok(items)
}

fn invalid(error: &serde_json::Error, lines_before: usize) -> Problem {
    let (line, column) = (error.line() + lines_before, error.column());
    Problem::bad_request(
        "batch.invalid_json",
        format!("Body is not valid JSON (line {line}, column {column})."),
    )
}

/// As many items as a batch may hold, and how many there are.
#[derive(Default)]
struct Items<'a> {
    kept: Vec<&'a RawValue>,
    count: usize,
}

impl<'a> Items<'a> {
    fn add(&mut self, item: &'a RawValue) {
        if self.count < MOST_ITEMS {
            self.kept.push(item);
        }
        self.count += 1;
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
                collect(&mut list)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// The items of a list; those beyond the limit are counted, not kept.
fn collect<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Items<'de>, A::Error> {
    let mut items = Items::default();
    loop {
        if items.count < MOST_ITEMS {
            let Some(item) = list.next_element::<&'de RawValue>()? else { break };
            items.add(item);
        } else {
            if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            items.count += 1;
        }
    }
    Ok(items)
}

/// `{"events": […]}` or `[…]`.
struct Sent<'a>(Items<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Sent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Sent<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events, or an object with such a list under 'events'")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sent<'de>, A::Error> {
                collect(&mut list).map(Sent)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent<'de>, A::Error> {
                let mut items: Option<Items<'de>> = None;
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    if key == "events" {
                        // Which of two lists is meant, nobody can tell.
                        if items.is_some() {
                            return Err(serde::de::Error::duplicate_field("events"));
                        }
                        items = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Sent(items.unwrap_or_default()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests;

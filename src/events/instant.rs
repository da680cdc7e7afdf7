//! RFC 3339 timestamps, strictly: a date, `T`, a time of day with seconds, an offset.
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// `2026-01-25T09:30:12.120Z`, `2026-01-25t10:30:00+01:00`. Nothing for a naive time. Fractions finer than a nanosecond are
/// cut; the leap second 60 is the second before it.
pub fn read(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let sign = |at: usize, signs: &[u8]| bytes.get(at).is_some_and(|byte| signs.contains(byte));
    if !(sign(4, b"-") && sign(7, b"-") && sign(10, b"Tt") && sign(13, b":") && sign(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(bytes, 0, 4)?, number(bytes, 5, 2)?, number(bytes, 8, 2)?);
    let (hour, minute, second) = (number(bytes, 11, 2)?, number(bytes, 14, 2)?, number(bytes, 17, 2)?);
    if second > 60 {
        return None;
    }
    let (nanos, at) = fraction(bytes)?;
    let offset = offset(&bytes[at..])?;
    let small = |number: i32| i8::try_from(number).ok();
    let time = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second.min(59))?,
        nanos,
    )
    .ok()?;
    offset.to_timestamp(time).ok()
}

fn number(bytes: &[u8], at: usize, digits: usize) -> Option<i32> {
    bytes
        .get(at..at + digits)?
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i32::from(byte - b'0')))
}

/// Nanoseconds from the fraction behind the seconds, and where the offset begins.
fn fraction(bytes: &[u8]) -> Option<(i32, usize)> {
    if bytes.get(19) != Some(&b'.') {
        return Some((0, 19));
    }
    let digits = bytes[20..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let first = bytes[20..20 + digits].iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanos = first.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    (digits > 0).then_some((nanos, 20 + digits))
}

fn offset(bytes: &[u8]) -> Option<Offset> {
    match bytes {
        b"Z" | b"z" => Some(Offset::UTC),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(bytes, 1, 2)?, number(bytes, 4, 2)?);
            let seconds = (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) * 60)?;
            Offset::from_seconds(if *sign == b'-' { -seconds } else { seconds }).ok()
        }
        _ => None,
    }
}

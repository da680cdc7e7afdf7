//! Rows of PostgreSQL become typed cells, as the file declares its columns.
use super::result::Cell;
use super::spec::{Column, ColumnType};
use crate::db::Error;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use sqlx::postgres::PgRow;
use sqlx::{Column as _, Row as _, TypeInfo as _};

/// A column of the inner query, cast so that decoding cannot fail on a near type. `q` is the inner query.
pub(super) fn selected(column: &Column) -> String {
    let name = &column.name;
    let cast = match column.kind {
        ColumnType::Text => format!("(q.\"{name}\")::text"),
        ColumnType::Count => format!("round((q.\"{name}\")::numeric, 4)"),
        ColumnType::Number
        | ColumnType::Money
        | ColumnType::Fraction
        | ColumnType::Pp
        | ColumnType::Ratio
        | ColumnType::Days
        | ColumnType::Hours
        | ColumnType::Ms => format!("round((q.\"{name}\")::numeric, 12)"),
        ColumnType::Date => format!("(q.\"{name}\")::date"),
        ColumnType::Instant => format!("(q.\"{name}\")::timestamptz"),
        ColumnType::Bool => format!("(q.\"{name}\")::boolean"),
    };
    format!("{cast} as \"{name}\"")
}

/// Whether a column of this PostgreSQL type can be what the file declares.
pub(super) fn compatible(kind: ColumnType, postgres: &str) -> bool {
    let number = matches!(postgres, "INT2" | "INT4" | "INT8" | "NUMERIC" | "FLOAT4" | "FLOAT8");
    match kind {
        ColumnType::Text => matches!(postgres, "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UUID" | "\"CHAR\""),
        ColumnType::Count
        | ColumnType::Number
        | ColumnType::Money
        | ColumnType::Fraction
        | ColumnType::Pp
        | ColumnType::Ratio
        | ColumnType::Days
        | ColumnType::Hours
        | ColumnType::Ms => number,
        ColumnType::Date => postgres == "DATE",
        ColumnType::Instant => postgres == "TIMESTAMPTZ",
        ColumnType::Bool => postgres == "BOOL",
    }
}

fn number(value: Option<Decimal>, kind: ColumnType) -> Cell {
    let Some(value) = value else {
        return Cell::Null;
    };
    match value.to_i64() {
        Some(whole) if kind == ColumnType::Count && value.fract().is_zero() => Cell::Int(whole),
        _ => Cell::Decimal(value.normalize()),
    }
}

/// One cell of a row selected with [`selected`].
pub(super) fn cell(row: &PgRow, place: usize, kind: ColumnType) -> Result<Cell, Error> {
    Ok(match kind {
        ColumnType::Text => row.try_get::<Option<String>, _>(place)?.map_or(Cell::Null, Cell::Text),
        ColumnType::Date => {
            row.try_get::<Option<jiff_sqlx::Date>, _>(place)?.map_or(Cell::Null, |d| Cell::Date(d.to_jiff()))
        }
        ColumnType::Instant => row
            .try_get::<Option<jiff_sqlx::Timestamp>, _>(place)?
            .map_or(Cell::Null, |t| Cell::Instant(t.to_jiff())),
        ColumnType::Bool => row.try_get::<Option<bool>, _>(place)?.map_or(Cell::Null, Cell::Bool),
        ColumnType::Count
        | ColumnType::Number
        | ColumnType::Money
        | ColumnType::Fraction
        | ColumnType::Pp
        | ColumnType::Ratio
        | ColumnType::Days
        | ColumnType::Hours
        | ColumnType::Ms => number(row.try_get(place)?, kind),
    })
}

/// All cells of a row by the types PostgreSQL gives, for the functions of `stats`.
pub(super) fn named(row: &PgRow) -> Result<Vec<(String, Cell)>, Error> {
    let mut out = Vec::new();
    for column in row.columns() {
        let place = column.ordinal();
        let cell = match column.type_info().name() {
            "BOOL" => row.try_get::<Option<bool>, _>(place)?.map_or(Cell::Null, Cell::Bool),
            "INT2" => row.try_get::<Option<i16>, _>(place)?.map_or(Cell::Null, |n| Cell::Int(n.into())),
            "INT4" => row.try_get::<Option<i32>, _>(place)?.map_or(Cell::Null, |n| Cell::Int(n.into())),
            "INT8" => row.try_get::<Option<i64>, _>(place)?.map_or(Cell::Null, Cell::Int),
            "NUMERIC" => number(row.try_get(place)?, ColumnType::Number),
            "FLOAT4" | "FLOAT8" => {
                number(row.try_get::<Option<f64>, _>(place)?.and_then(Decimal::from_f64), ColumnType::Number)
            }
            "DATE" => cell(row, place, ColumnType::Date)?,
            "TIMESTAMPTZ" => cell(row, place, ColumnType::Instant)?,
            "UUID" => row
                .try_get::<Option<uuid::Uuid>, _>(place)?
                .map_or(Cell::Null, |id| Cell::Text(id.to_string())),
            _ => cell(row, place, ColumnType::Text)?,
        };
        out.push((column.name().to_owned(), cell));
    }
    Ok(out)
}

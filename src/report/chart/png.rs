//! The drawing as pixels, with a font of our own: nothing depends on what is installed.
use super::{Chart, svg};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::{Arc, OnceLock};

/// Pixels for a unit of the drawing, so that it is sharp on dense screens.
const DENSITY: f32 = 2.0;

static FONT: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans.ttf");

#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    #[error("there is nothing to draw")]
    Empty,
    #[error("the chart could not be drawn: {0}")]
    Broken(String),
}

/// A PNG of about 1,800 × 1,000 pixels.
pub fn png(chart: &Chart) -> Result<Vec<u8>, ChartError> {
    if chart.is_empty() {
        return Err(ChartError::Empty);
    }
    let broken = |error: &dyn std::fmt::Display| ChartError::Broken(error.to_string());
    let options =
        Options { fontdb: Arc::clone(fonts()), font_family: "DejaVu Sans".to_owned(), ..Options::default() };
    let tree = Tree::from_str(&svg(chart), &options).map_err(|error| broken(&error))?;
    let size = tree.size().to_int_size().scale_by(DENSITY).ok_or_else(|| broken(&"no size"))?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| broken(&"no size"))?;
    resvg::render(&tree, Transform::from_scale(DENSITY, DENSITY), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| broken(&error))
}

fn fonts() -> &'static Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    FONTS.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    })
}

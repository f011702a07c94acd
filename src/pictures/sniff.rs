//! What a stranger's bytes are: PNG, JPEG, WebP, GIF or nothing we show; and the same picture without what it tells about
//! its maker.
//!
//! Found by walking the whole container, never by name or header alone, so that a file that is cut off, damaged or followed
//! by something else is noticed. The pixels stay as they are. Dropped: Exif (place, time, device, thumbnail), XMP, IPTC,
//! comments, times, unknown blocks, whatever follows the end. Kept: what decides how the picture looks, colour profiles
//! and the orientation included. Pure; no bytes panic.

mod exif;
mod gif;
mod jpeg;
mod png;
mod webp;

use signaling::limits::PICTURE_SIDE_MAX;
use thiserror::Error;

/// Kind of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// PNG, animated ones included.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP, animated ones included.
    Webp,
    /// GIF.
    Gif,
}

impl MediaType {
    /// The type as in HTTP.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The type with this name in HTTP.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Png, Self::Jpeg, Self::Webp, Self::Gif].into_iter().find(|kind| kind.as_str() == name)
    }

    /// How files of it end, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }
}

/// A picture that can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What it is.
    pub media_type: MediaType,
    /// Width as it is shown, pixels, at least 1.
    pub width: u32,
    /// Height as it is shown, pixels, at least 1.
    pub height: u32,
    /// The file, without what it told about its maker.
    pub bytes: Vec<u8>,
}

/// Why bytes are no picture for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Odd {
    /// None of the four kinds.
    #[error("not a PNG, JPEG, WebP or GIF picture")]
    Unknown,
    /// It ends before its end.
    #[error("the picture is cut off")]
    Truncated,
    /// It contradicts its own format; the text says where.
    #[error("the picture is damaged: {0}")]
    Damaged(&'static str),
    /// Wider or higher than [`PICTURE_SIDE_MAX`].
    #[error("the picture has {width} × {height} pixels, at most {PICTURE_SIDE_MAX} × {PICTURE_SIDE_MAX} are taken")]
    TooLarge {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
    },
}

/// Looks at bytes, and gives the picture that they are.
///
/// # Errors
/// [`Odd`], with a sentence for the sender.
pub fn clean(bytes: &[u8]) -> Result<Picture, Odd> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png::clean(bytes),
        [0xff, 0xd8, 0xff, ..] => jpeg::clean(bytes),
        [b'G', b'I', b'F', b'8', ..] => gif::clean(bytes),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp::clean(bytes),
        _ => Err(Odd::Unknown),
    }
}

/// Checks the size and turns it the way the picture is shown.
fn finish(media_type: MediaType, (width, height): (u32, u32), turned: bool, bytes: Vec<u8>) -> Result<Picture, Odd> {
    check_size(width, height)?;
    let (width, height) = if turned { (height, width) } else { (width, height) };
    Ok(Picture { media_type, width, height, bytes })
}

fn check_size(width: u32, height: u32) -> Result<(), Odd> {
    if width == 0 || height == 0 {
        return Err(Odd::Damaged("it has no size"));
    }
    if width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX {
        return Err(Odd::TooLarge { width, height });
    }
    Ok(())
}

/// Reads bytes from front to back; every read past the end is [`Odd::Truncated`].
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Odd> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Odd::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Odd> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Odd::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Odd> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16_be(&mut self) -> Result<u16, Odd> {
        self.array().map(u16::from_be_bytes)
    }

    fn u16_le(&mut self) -> Result<u16, Odd> {
        self.array().map(u16::from_le_bytes)
    }

    fn u24_le(&mut self) -> Result<u32, Odd> {
        self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    fn u32_be(&mut self) -> Result<u32, Odd> {
        self.array().map(u32::from_be_bytes)
    }

    fn u32_le(&mut self) -> Result<u32, Odd> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length in front of what it counts.
    fn counted(&mut self, length: u32) -> Result<&'a [u8], Odd> {
        self.take(usize::try_from(length).map_err(|_| Odd::Truncated)?)
    }
}

#[cfg(test)]
mod tests;

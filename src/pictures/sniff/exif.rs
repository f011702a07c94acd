//! The one thing of Exif that decides how a picture looks: which way is up (TIFF tag 0x0112).

use super::{Odd, Reader};

/// What stands before the TIFF data in JPEG, and in some WebP files.
pub(super) const HEAD: &[u8] = b"Exif\0\0";

const ORIENTATION: u16 = 0x0112;
/// The tag's type: an unsigned number of two bytes.
const SHORT: u16 = 3;

/// Which way is up, as in Exif.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    /// Whether width and height change places.
    pub(super) fn turns(self) -> bool {
        self.0 >= 5
    }

    /// TIFF data that says this and nothing else.
    pub(super) fn tiff(self) -> [u8; 26] {
        let mut tiff = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        tiff[19] = self.0;
        tiff
    }
}

/// The orientation in TIFF data, with or without the [`HEAD`]; `None` when it says nothing, nonsense, or that the picture
/// is upright.
pub(super) fn orientation(data: &[u8]) -> Option<Orientation> {
    let tiff = data.strip_prefix(HEAD).unwrap_or(data);
    find(tiff).ok().flatten().filter(|value| (2..=8).contains(value)).map(Orientation)
}

fn find(tiff: &[u8]) -> Result<Option<u8>, Odd> {
    let mut reader = Reader::new(tiff);
    let little = match &reader.array()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return Ok(None),
    };
    let short = |reader: &mut Reader<'_>| if little { reader.u16_le() } else { reader.u16_be() };
    let long = |reader: &mut Reader<'_>| if little { reader.u32_le() } else { reader.u32_be() };
    let first = long(&mut reader)?;
    let start = usize::try_from(first).map_err(|_| Odd::Truncated)?;
    let mut directory = Reader::new(tiff.get(start..).ok_or(Odd::Truncated)?);
    for _ in 0..short(&mut directory)? {
        let mut entry = Reader::new(directory.take(12)?);
        let (tag, kind) = (short(&mut entry)?, short(&mut entry)?);
        let _count = long(&mut entry)?;
        if tag == ORIENTATION && kind == SHORT {
            return Ok(u8::try_from(short(&mut entry)?).ok());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for value in 2..=8 {
            let tiff = Orientation(value).tiff();
            assert_eq!(orientation(&tiff), Some(Orientation(value)));
            assert_eq!(orientation(&[HEAD, &tiff].concat()), Some(Orientation(value)));
        }
        assert_eq!(orientation(&Orientation(1).tiff()), None);
        assert_eq!(orientation(&Orientation(9).tiff()), None);
        assert_eq!(orientation(b""), None);
    }

    #[test]
    fn little_ends_come_first_where_the_camera_says_so() {
        let tiff = b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x01\0\0\0Ab\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(orientation(tiff), Some(Orientation(6)));
        assert!(Orientation(6).turns() && !Orientation(3).turns());
    }
}

//! WebP (RFC 9649): RIFF chunks; a lone VP8 or VP8L chunk, or VP8X with what belongs to it.

use super::{MediaType, Odd, Picture, Reader, check_size, exif, finish};

/// Flags of VP8X.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;
const IS_ANIMATED: u8 = 0x02;
/// Bytes of "RIFF", the length, and "WEBP".
const HEAD_BYTES: usize = 12;
/// What the length in the head counts besides the chunks: "WEBP".
const FORM_BYTES: usize = 4;

/// What the first chunk says.
struct Canvas {
    size: (u32, u32),
    extended: bool,
    animated: bool,
}

pub(super) fn clean(bytes: &[u8]) -> Result<Picture, Odd> {
    let mut head = Reader::new(bytes);
    let _riff = head.take(4)?;
    let length = head.u32_le()?;
    // What follows the end is dropped.
    let mut reader = Reader::new(head.counted(length)?);
    let _webp = reader.take(FORM_BYTES)?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    let (kind, data) = chunk(&mut reader)?;
    let canvas = canvas(kind, data)?;
    check_size(canvas.size.0, canvas.size.1)?;
    write(&mut out, kind, data);
    let (mut shows, mut up) = (!canvas.extended, None);
    while canvas.extended && !reader.is_empty() {
        let (kind, data) = chunk(&mut reader)?;
        match &kind {
            b"VP8 " | b"VP8L" if !canvas.animated => {
                if shows || picture_size(kind, data)? != canvas.size {
                    return Err(Odd::Damaged("the picture and its canvas differ"));
                }
                shows = true;
                write(&mut out, kind, data);
            }
            b"ANMF" if canvas.animated => {
                check_frame(data, canvas.size)?;
                shows = true;
                write(&mut out, kind, data);
            }
            b"ANIM" | b"ALPH" | b"ICCP" => write(&mut out, kind, data),
            b"EXIF" if up.is_none() => up = exif::orientation(data),
            _ => {}
        }
    }
    if !shows {
        return Err(Odd::Damaged("it holds no picture"));
    }
    if canvas.extended {
        // The flags are the first byte of the first chunk's content.
        let flags = &mut out[HEAD_BYTES + 8];
        *flags &= !(HAS_EXIF | HAS_XMP);
        if let Some(up) = up {
            *flags |= HAS_EXIF;
            write(&mut out, *b"EXIF", &up.tiff());
        }
    }
    let length = u32::try_from(out.len() - HEAD_BYTES + FORM_BYTES).unwrap_or(u32::MAX);
    out[4..8].copy_from_slice(&length.to_le_bytes());
    finish(MediaType::Webp, canvas.size, up.is_some_and(exif::Orientation::turns), out)
}

fn chunk<'a>(reader: &mut Reader<'a>) -> Result<([u8; 4], &'a [u8]), Odd> {
    let kind = reader.array()?;
    let length = reader.u32_le()?;
    let data = reader.counted(length)?;
    // Odd lengths are filled up; some writers leave it out at the very end.
    if length % 2 == 1 && !reader.is_empty() {
        reader.byte()?;
    }
    Ok((kind, data))
}

fn write(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend_from_slice(&kind);
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}

fn canvas(kind: [u8; 4], data: &[u8]) -> Result<Canvas, Odd> {
    if &kind != b"VP8X" {
        return Ok(Canvas { size: picture_size(kind, data)?, extended: false, animated: false });
    }
    let mut reader = Reader::new(data);
    let [flags, ..] = reader.array::<4>()?;
    let size = (reader.u24_le()? + 1, reader.u24_le()? + 1);
    Ok(Canvas { size, extended: true, animated: flags & IS_ANIMATED != 0 })
}

/// Width and height in the head of a VP8 key frame (RFC 6386, section 9.1) or of a lossless picture.
fn picture_size(kind: [u8; 4], data: &[u8]) -> Result<(u32, u32), Odd> {
    let mut reader = Reader::new(data);
    match &kind {
        b"VP8 " => {
            let [tag, _, _] = reader.array()?;
            if tag & 1 != 0 || reader.take(3)? != [0x9d, 0x01, 0x2a] {
                return Err(Odd::Damaged("its first frame is no key frame"));
            }
            let (width, height) = (reader.u16_le()?, reader.u16_le()?);
            Ok((u32::from(width & 0x3fff), u32::from(height & 0x3fff)))
        }
        b"VP8L" => {
            if reader.byte()? != 0x2f {
                return Err(Odd::Damaged("the head of the lossless picture"));
            }
            let bits = reader.u32_le()?;
            Ok(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        _ => Err(Odd::Damaged("it does not begin with a picture")),
    }
}

/// A frame of an animation lies within the canvas.
fn check_frame(data: &[u8], canvas: (u32, u32)) -> Result<(), Odd> {
    let mut reader = Reader::new(data);
    let (left, top) = (reader.u24_le()? * 2, reader.u24_le()? * 2);
    let (width, height) = (reader.u24_le()? + 1, reader.u24_le()? + 1);
    if left + width > canvas.0 || top + height > canvas.1 {
        return Err(Odd::Damaged("a frame lies outside the picture"));
    }
    Ok(())
}

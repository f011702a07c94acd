//! GIF (89a): a screen, then blocks: extensions, and pictures in sub-blocks.

use super::{MediaType, Odd, Picture, Reader, check_size, finish};

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
/// Labels of extensions.
const GRAPHIC_CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;
/// The application extensions that say how often an animation runs. XMP is one as well, and is dropped.
const LOOPS: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];

pub(super) fn clean(bytes: &[u8]) -> Result<Picture, Odd> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    let signature = reader.take(6)?;
    if !matches!(signature, b"GIF87a" | b"GIF89a") {
        return Err(Odd::Damaged("GIF signature"));
    }
    out.extend_from_slice(signature);
    let screen = reader.take(7)?;
    let size = screen_size(screen)?;
    check_size(size.0, size.1)?;
    out.extend_from_slice(screen);
    out.extend_from_slice(colours(&mut reader, screen[4])?);
    let mut pictures = 0u32;
    loop {
        let block = reader.rest;
        match reader.byte()? {
            TRAILER => {
                out.push(TRAILER);
                break;
            }
            EXTENSION => {
                let kept = extension(&mut reader)?;
                if kept {
                    out.extend_from_slice(&block[..block.len() - reader.rest.len()]);
                }
            }
            IMAGE => {
                image(&mut reader)?;
                pictures += 1;
                out.extend_from_slice(&block[..block.len() - reader.rest.len()]);
            }
            _ => return Err(Odd::Damaged("an unknown block")),
        }
    }
    if pictures == 0 {
        return Err(Odd::Damaged("it holds no picture"));
    }
    finish(MediaType::Gif, size, false, out)
}

fn screen_size(screen: &[u8]) -> Result<(u32, u32), Odd> {
    let mut reader = Reader::new(screen);
    Ok((reader.u16_le()?.into(), reader.u16_le()?.into()))
}

/// The table of colours that `flags` announce.
fn colours<'a>(reader: &mut Reader<'a>, flags: u8) -> Result<&'a [u8], Odd> {
    let count = if flags & 0x80 == 0 { 0 } else { 2usize << (flags & 7) };
    reader.take(count * 3)
}

/// Reads an extension; answers whether it decides how the picture looks.
fn extension(reader: &mut Reader<'_>) -> Result<bool, Odd> {
    let label = reader.byte()?;
    let first = reader.rest.split_first().and_then(|(length, rest)| rest.get(..usize::from(*length)));
    let kept = match label {
        GRAPHIC_CONTROL => true,
        APPLICATION => first.is_some_and(|name| LOOPS.contains(&name)),
        _ => false,
    };
    sub_blocks(reader)?;
    Ok(kept)
}

fn image(reader: &mut Reader<'_>) -> Result<(), Odd> {
    let _place = reader.take(4)?;
    let (width, height) = (reader.u16_le()?, reader.u16_le()?);
    check_size(width.into(), height.into())?;
    let flags = reader.byte()?;
    colours(reader, flags)?;
    let _code_size = reader.byte()?;
    sub_blocks(reader)
}

fn sub_blocks(reader: &mut Reader<'_>) -> Result<(), Odd> {
    loop {
        let length = reader.byte()?;
        if length == 0 {
            return Ok(());
        }
        reader.take(usize::from(length))?;
    }
}

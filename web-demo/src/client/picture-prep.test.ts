import { expect, it } from 'vitest';
import { fitted, hasExif, sniff } from './picture-prep.ts';

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

it('knows a picture by its first bytes, whatever it is called', () => {
  expect(sniff(bytes('\x89PNG\r\n\x1a\n....'))).toBe('image/png');
  expect(sniff(bytes('\xff\xd8\xff\xe0'))).toBe('image/jpeg');
  expect(sniff(bytes('RIFF\x10\0\0\0WEBPVP8 '))).toBe('image/webp');
  expect(sniff(bytes('GIF89a'))).toBe('image/gif');
  expect(sniff(bytes('RIFF\x10\0\0\0WAVE'))).toBeNull();
  expect(sniff(bytes('<svg xmlns="http://www.w3.org/2000/svg">'))).toBeNull();
  expect(sniff(bytes('\x89PN'))).toBeNull();
  expect(sniff(new Uint8Array())).toBeNull();
});

it('finds what says where a photograph was taken', () => {
  expect(hasExif(bytes('\xff\xd8\xff\xe1\x00\x10Exif\0\0'))).toBe(true);
  expect(hasExif(bytes('\x89PNG\r\n\x1a\n....eXIf'))).toBe(true);
  expect(hasExif(bytes('\xff\xd8\xff\xe0\x00\x10JFIF'))).toBe(false);
});

it('scales only what is too long, and keeps its shape', () => {
  expect(fitted(1920, 1080)).toEqual({ width: 1920, height: 1080 });
  expect(fitted(5120, 2880)).toEqual({ width: 2560, height: 1440 });
  expect(fitted(3000, 4000)).toEqual({ width: 1920, height: 2560 });
  expect(fitted(100_000, 1)).toEqual({ width: 2560, height: 1 });
});

#!/usr/bin/env python3
"""Makes the pictures of this folder; image_test.cc says what must come out of each.

Needs Debian 12's python3-pil, python3-numpy, libvips42 and liblcms2-2. Every file but the ones whose name says otherwise
shows the same upright 48x32 picture: red and green above, blue and white below. Run it here:
    /usr/bin/python3 make.py
"""
import ctypes
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 48, 32
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def Quadrants(colours=(RED, GREEN, BLUE, WHITE), width=WIDTH, height=HEIGHT, dtype=np.uint8):
    bands = len(colours[0])
    pixels = np.zeros((height, width, bands), dtype)
    half_x, half_y = width // 2, height // 2
    pixels[:half_y, :half_x], pixels[:half_y, half_x:] = colours[0], colours[1]
    pixels[half_y:, :half_x], pixels[half_y:, half_x:] = colours[2], colours[3]
    return pixels


UPRIGHT = Image.fromarray(Quadrants())
ALPHA = Image.fromarray(Quadrants((RED + (255,), GREEN + (255,), BLUE + (255,), (0, 0, 0, 0))), "RGBA")


def Stored(image, orientation):
    """What a camera stores so that this orientation makes it upright: the inverse of the turn."""
    turn = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}
    return image.transpose(turn[orientation]) if orientation in turn else image


def Exif(orientation):
    """A minimal block, big-endian for odd orientations."""
    order = ">" if orientation % 2 else "<"
    head = b"MM\0*" if orientation % 2 else b"II*\0"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def Save(name, image, **options):
    image.save(HERE / name, **options)


# Colour profiles, by lcms.
lcms = ctypes.CDLL("liblcms2.so.2")
for function in ("cmsCreateRGBProfile", "cmsCreateGrayProfile", "cmsBuildGamma", "cmsBuildParametricToneCurve",
                 "cmsCreateProfilePlaceholder", "cmsPipelineAlloc", "cmsStageAllocCLut16bit"):
    getattr(lcms, function).restype = ctypes.c_void_p


class XyY(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double), ("Y", ctypes.c_double)]


D65 = XyY(0.3127, 0.3290, 1)


def Bytes(profile):
    size = ctypes.c_uint32(0)
    lcms.cmsSaveProfileToMem(ctypes.c_void_p(profile), None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    lcms.cmsSaveProfileToMem(ctypes.c_void_p(profile), buffer, ctypes.byref(size))
    data = bytearray(buffer.raw)
    data[24:36] = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)  # the date, so that files stay the same
    return bytes(data)


def SrgbCurve():
    parameters = (ctypes.c_double * 5)(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return ctypes.c_void_p(lcms.cmsBuildParametricToneCurve(None, 4, parameters))


def RgbProfile(primaries, curve):
    triple = (XyY * 3)(*[XyY(x, y, 1) for x, y in primaries])
    curves = (ctypes.c_void_p * 3)(curve, curve, curve)
    return Bytes(lcms.cmsCreateRGBProfile(ctypes.byref(D65), triple, curves))


P3_PRIMARIES = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_PRIMARIES = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))
SRGB_PRIMARIES = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
P3 = RgbProfile(P3_PRIMARIES, SrgbCurve().value)
ADOBE = RgbProfile(ADOBE_PRIMARIES, lcms.cmsBuildGamma(None, ctypes.c_double(563 / 256)))
SRGB = RgbProfile(SRGB_PRIMARIES, SrgbCurve().value)
GREY_LINEAR = Bytes(lcms.cmsCreateGrayProfile(ctypes.byref(D65), ctypes.c_void_p(lcms.cmsBuildGamma(None, ctypes.c_double(1.0)))))


def CmykProfile():
    """Corners of the CMYK cube to Lab; ink that differs visibly from the plain formula: cyan ink is (0, 160, 0)'s Lab."""
    lab = {"white": (100, 0, 0), "black": (0, 0, 0), "red": (53, 80, 67), "green": (57, -61, 58), "blue": (32, 79, -108)}
    table = []
    for c in (0, 1):
        for m in (0, 1):
            for y in (0, 1):
                for k in (0, 1):
                    colour = "white"
                    if k or c + m + y == 3:
                        colour = "black"
                    elif m and y:
                        colour = "red"
                    elif c and m:
                        colour = "blue"
                    elif c:
                        colour = "green"
                    elif m or y:
                        colour = "red"
                    L, a, b = lab[colour]
                    table += [round(L / 100 * 0xFF00), round((a + 128) * 256), round((b + 128) * 256)]
    profile = lcms.cmsCreateProfilePlaceholder(None)
    handle = ctypes.c_void_p(profile)
    lcms.cmsSetProfileVersion(handle, ctypes.c_double(2.1))
    lcms.cmsSetDeviceClass(handle, 0x70727472)  # 'prtr'
    lcms.cmsSetColorSpace(handle, 0x434D594B)  # 'CMYK'
    lcms.cmsSetPCS(handle, 0x4C616220)  # 'Lab '
    lut = ctypes.c_void_p(lcms.cmsPipelineAlloc(None, 4, 3))
    stage = lcms.cmsStageAllocCLut16bit(None, 2, 4, 3, (ctypes.c_uint16 * len(table))(*table))
    lcms.cmsPipelineInsertStage(lut, 1, ctypes.c_void_p(stage))
    lcms.cmsWriteTag(handle, 0x41324230, lut)  # 'A2B0'
    return Bytes(profile)


def Matrix(primaries):
    """From linear RGB to XYZ."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    white = np.array((0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290))
    return columns * np.linalg.solve(columns, white)


def InSpace(primaries, gamma):
    """The four colours, as numbers of another RGB space."""
    colours = []
    for colour in (RED, GREEN, BLUE, WHITE):
        linear = np.array(colour) / 255.0  # of 0 and 1 alone, so already linear
        there = np.clip(np.linalg.solve(Matrix(primaries), Matrix(SRGB_PRIMARIES) @ linear), 0, 1)
        coded = np.where(there <= 0.0031308, there * 12.92, 1.055 * there ** (1 / 2.4) - 0.055) if gamma is None else there ** (1 / gamma)
        colours.append(tuple(int(v) for v in np.round(coded * 255)))
    return Image.fromarray(Quadrants(colours))


IN_P3 = InSpace(P3_PRIMARIES, None)
IN_ADOBE = InSpace(ADOBE_PRIMARIES, 563 / 256)

# JPEG
for o in range(1, 9):
    Save(f"orientation{o}.jpg", Stored(UPRIGHT, o), quality=90, exif=b"Exif\0\0" + Exif(o))
Save("baseline.jpg", UPRIGHT, quality=90)
Save("progressive.jpg", UPRIGHT, quality=90, progressive=True)
Save("p3.jpg", IN_P3, quality=95, subsampling=0, icc_profile=P3)
Save("adobe_rgb.jpg", IN_ADOBE, quality=95, subsampling=0, icc_profile=ADOBE)
Save("srgb.jpg", UPRIGHT, quality=90, icc_profile=SRGB)
# PIL writes CMYK upside down and with Adobe's marker, as Photoshop does.
CMYK = Image.fromarray(Quadrants(((0, 255, 255, 0), (255, 0, 255, 0), (255, 255, 0, 0), (0, 0, 0, 0))), "CMYK")
Save("cmyk.jpg", CMYK, quality=95)
Save("cmyk_icc.jpg", Image.fromarray(Quadrants(((0, 255, 255, 0), (255, 0, 0, 0), (255, 255, 0, 0), (0, 0, 0, 0))), "CMYK"), quality=95,
     icc_profile=CmykProfile())
GREY = Image.fromarray(Quadrants(((0,), (64,), (128,), (255,)))[:, :, 0])
Save("grey.jpg", GREY, quality=95)
Save("grey_linear.jpg", GREY, quality=95, icc_profile=GREY_LINEAR)


# PNG, written here: PIL neither interlaces nor takes 16-bit colour.
def Chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def Png(pixels, kind, depth=8, interlaced=False, before=b""):
    height, width = pixels.shape[:2]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for x, y, step_x, step_y in passes:
        for row in pixels[y::step_y, x::step_x]:
            raw += b"\0" + (row.astype(">u2") if depth == 16 else row).tobytes()
    return (b"\x89PNG\r\n\x1a\n" + Chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)) + before
            + Chunk(b"IDAT", zlib.compress(raw, 9)) + Chunk(b"IEND", b""))


def Write(name, data):
    (HERE / name).write_bytes(data)


def Wide(colours):
    return Quadrants([tuple(v * 257 for v in c) for c in colours], dtype=np.uint16)


Write("rgb.png", Png(Quadrants(), 2))
Write("interlaced.png", Png(Quadrants(), 2, interlaced=True))
Write("rgb16.png", Png(Wide((RED, GREEN, BLUE, WHITE)), 2, depth=16))
Write("rgba16.png", Png(Wide((RED + (255,), GREEN + (255,), BLUE + (255,), (9, 9, 9, 0))), 6, depth=16))
Save("rgba.png", ALPHA)
Save("palette.png", UPRIGHT.convert("P", palette=Image.Palette.ADAPTIVE, colors=4))
palette = Chunk(b"PLTE", bytes(RED + GREEN + BLUE + (7, 7, 7))) + Chunk(b"tRNS", bytes((255, 255, 255, 0)))
Write("palette_alpha.png", Png(Quadrants(((0,), (1,), (2,), (3,))), 3, before=palette))
Save("grey.png", GREY)
Write("grey_alpha.png", Png(Quadrants(((0, 255), (64, 255), (128, 255), (0, 0))), 4))
Write("p3.png", Png(np.asarray(IN_P3), 2, before=Chunk(b"iCCP", b"p3\0\0" + zlib.compress(P3))))
Write("orientation6.png", Png(np.asarray(Stored(UPRIGHT, 6)), 2, before=Chunk(b"eXIf", Exif(6))))

# WebP
Save("lossy.webp", UPRIGHT, quality=90)
Save("lossless.webp", UPRIGHT, lossless=True)
Save("alpha.webp", ALPHA, quality=90)
Save("alpha_lossless.webp", ALPHA, lossless=True)
Save("p3.webp", IN_P3, lossless=True, icc_profile=P3)
Save("orientation6.webp", Stored(UPRIGHT, 6), lossless=True, exif=b"Exif\0\0" + Exif(6))
Save("orientation5.webp", Stored(UPRIGHT, 5), lossless=True, exif=Exif(5))
OTHER = Image.new("RGB", (WIDTH, HEIGHT), (200, 100, 0))
Save("animated.webp", UPRIGHT, save_all=True, append_images=[OTHER], lossless=True, duration=100)
Save("animated_alpha.webp", ALPHA, save_all=True, append_images=[OTHER.convert("RGBA")], quality=90, duration=100)

# GIF
INDEXED = UPRIGHT.convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
Save("still.gif", INDEXED)
Save("animated.gif", UPRIGHT, save_all=True, append_images=[OTHER], duration=100, loop=0)
# The first frame covers the left half alone; what it leaves free is white.
left = io.BytesIO()
Image.fromarray(Quadrants((RED, RED, BLUE, BLUE), WIDTH // 2)).convert("P", palette=Image.Palette.ADAPTIVE, colors=2).save(left, "GIF")
gif = bytearray(left.getvalue())
gif[6:10] = struct.pack("<HH", WIDTH, HEIGHT)
Write("half.gif", bytes(gif))

# BMP
Save("rgb24.bmp", UPRIGHT)
Save("palette8.bmp", INDEXED)
Save("mono1.bmp", Image.fromarray(Quadrants(((0,), (255,), (255,), (0,)))[:, :, 0]).convert("1"))


def Bmp(bits, compression, rows, header=40, palette=b"", tail=b"", height=HEIGHT):
    size = 14 + header + len(palette)
    head = b"BM" + struct.pack("<IHHI", size + len(rows), 0, 0, size)
    if header == 12:
        info = struct.pack("<IHHHH", 12, WIDTH, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(rows), 0, 0, len(palette) // 4 if bits <= 8 else 0, 0) + tail
    return head + info + palette + rows


down = Quadrants()[::-1]
bgr_palette = b"".join(bytes(c[::-1]) + b"\0" for c in (RED, GREEN, BLUE, WHITE))
indices = Quadrants(((0,), (1,), (2,), (3,)))[:, :, 0]
rgb565 = ((down[:, :, 0].astype(np.uint16) >> 3) << 11) | ((down[:, :, 1].astype(np.uint16) >> 2) << 5) | (down[:, :, 2].astype(np.uint16) >> 3)
rgb555 = ((down[:, :, 0].astype(np.uint16) >> 3) << 10) | ((down[:, :, 1].astype(np.uint16) >> 3) << 5) | (down[:, :, 2].astype(np.uint16) >> 3)
Write("rgb555.bmp", Bmp(16, 0, rgb555.astype("<u2").tobytes()))
Write("rgb565.bmp", Bmp(16, 3, rgb565.astype("<u2").tobytes(), palette=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
top = np.concatenate([Quadrants()[:, :, ::-1], np.zeros((HEIGHT, WIDTH, 1), np.uint8)], axis=2)
Write("top_down32.bmp", Bmp(32, 0, top.tobytes(), height=-HEIGHT))
alpha = np.asarray(ALPHA)[::-1][:, :, [2, 1, 0, 3]]
masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
Write("v5_alpha.bmp", Bmp(32, 3, alpha.tobytes(), header=124, tail=masks + bytes(124 - 56)))
Write("core24.bmp", Bmp(24, 0, down[:, :, ::-1].tobytes(), header=12))
packed = (indices[::-1, 0::2] << 4 | indices[::-1, 1::2]).astype(np.uint8)
Write("palette4.bmp", Bmp(4, 0, packed.tobytes(), palette=bgr_palette))
half = WIDTH // 2
rle8 = b""
for y in range(HEIGHT - 1, -1, -1):  # a run, then literal pixels, then the end of the row
    rle8 += bytes((half, indices[y, 0])) + bytes((0, half)) + bytes([indices[y, -1]] * half) + b"\0\0"
Write("rle8.bmp", Bmp(8, 1, rle8 + b"\0\1", palette=bgr_palette))
rle4 = b""
for y in range(HEIGHT - 1, -1, -1):
    rle4 += bytes((half, indices[y, 0] * 17)) + bytes((0, half)) + bytes([indices[y, -1] * 17] * (half // 2)) + b"\0\0"
Write("rle4.bmp", Bmp(4, 2, rle4 + b"\0\1", palette=bgr_palette))

# TIFF
for o in (1, 3, 6):
    Save(f"orientation{o}.tif", Stored(UPRIGHT, o), compression="tiff_lzw", tiffinfo={274: o})
Save("raw.tif", UPRIGHT)
Save("deflate.tif", UPRIGHT, compression="tiff_adobe_deflate")
Save("rgba.tif", ALPHA, compression="tiff_lzw")
Save("cmyk.tif", CMYK, compression="tiff_lzw")
Save("p3.tif", IN_P3, compression="tiff_lzw", icc_profile=P3)
Save("pages.tif", UPRIGHT, compression="tiff_lzw", save_all=True, append_images=[OTHER])

# HEIC, AVIF and the TIFFs PIL cannot write, by libvips.
vips = ctypes.CDLL("libvips.so.42")
vips.vips_init(b"make")
vips.vips_image_new_from_memory_copy.restype = ctypes.c_void_p


def VipsSave(name, pixels, call, *options):
    pixels = np.ascontiguousarray(pixels)
    height, width, bands = pixels.shape
    band_format = {np.dtype(np.uint8): 0, np.dtype(np.uint16): 2}[pixels.dtype]
    image = ctypes.c_void_p(vips.vips_image_new_from_memory_copy(pixels.tobytes(), ctypes.c_size_t(pixels.nbytes), width, height, bands, band_format))
    out = ctypes.c_void_p(None)
    space = 25 if band_format == 2 else 22  # RGB16, sRGB
    assert vips.vips_copy(image, ctypes.byref(out), b"interpretation", space, None) == 0
    assert getattr(vips, call)(out, str(HERE / name).encode(), *options, None) == 0, name


HEVC, AV1 = 1, 4
VipsSave("rgb.heic", Quadrants(), "vips_heifsave", b"compression", HEVC, b"Q", 90, b"subsample_mode", 2)
VipsSave("ten_bit.heic", Wide((RED, GREEN, BLUE, WHITE)), "vips_heifsave", b"compression", HEVC, b"Q", 90, b"bitdepth", 10, b"subsample_mode", 1)
VipsSave("rgb.avif", Quadrants(), "vips_heifsave", b"compression", AV1, b"Q", 90, b"subsample_mode", 2)
VipsSave("alpha.avif", np.asarray(ALPHA), "vips_heifsave", b"compression", AV1, b"lossless", 1)
VipsSave("rgb16.tif", Wide((RED, GREEN, BLUE, WHITE)), "vips_tiffsave", b"compression", 3)
VipsSave("tiled.tif", Quadrants(), "vips_tiffsave", b"tile", 1, b"tile_width", 16, b"tile_height", 16, b"compression", 5)


def Boxes(data, at, end):
    while at < end:
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield at, size, kind
        at += size


def AddProperties(data, properties):
    """Gives the primary item more properties, as phones do for rotation and colour."""
    data = bytearray(data)
    path = {}
    for at, size, kind in Boxes(data, 0, len(data)):
        path[kind] = at
        if kind == b"meta":
            for inner, inner_size, inner_kind in Boxes(data, at + 12, at + size):
                path[inner_kind] = inner
                if inner_kind == b"iprp":
                    for box, _, box_kind in Boxes(data, inner + 8, inner + inner_size):
                        path[box_kind] = box
    ipco, ipma, pitm = path[b"ipco"], path[b"ipma"], path[b"pitm"]
    primary, = struct.unpack(">H", data[pitm + 12:pitm + 14])
    ipco_size, = struct.unpack(">I", data[ipco:ipco + 4])
    known = len(list(Boxes(data, ipco + 8, ipco + ipco_size)))
    added = b"".join(properties)
    # ipma, version 0 with 8-bit indices: the primary item's list is found and made longer.
    at = ipma + 16
    while struct.unpack(">H", data[at:at + 2])[0] != primary:
        at += 3 + data[at + 2]
    data[at + 3 + data[at + 2]:at + 3 + data[at + 2]] = bytes(0x80 | (known + 1 + i) for i in range(len(properties)))
    data[at + 2] += len(properties)
    data[ipco + ipco_size:ipco + ipco_size] = added
    for box, grown in ((ipco, len(added)), (ipma + len(added), len(properties)), (path[b"iprp"], len(added) + len(properties)),
                       (path[b"meta"], len(added) + len(properties))):
        size, = struct.unpack(">I", data[box:box + 4])
        data[box:box + 4] = struct.pack(">I", size + grown)
    # iloc: 32-bit offsets into the file move along.
    iloc = path[b"iloc"]
    version, sizes, count = data[iloc + 8], struct.unpack(">H", data[iloc + 12:iloc + 14])[0], struct.unpack(">H", data[iloc + 14:iloc + 16])[0]
    assert sizes in (0x4400, 0x4440) and version in (0, 1)
    at = iloc + 16
    for _ in range(count):
        at += 2
        method = 0
        if version == 1:
            method, = struct.unpack(">H", data[at:at + 2])
            at += 2
        at += 2 + (sizes >> 4) % 16
        extents, = struct.unpack(">H", data[at:at + 2])
        at += 2
        for _ in range(extents):
            offset, = struct.unpack(">I", data[at:at + 4])
            if method == 0:
                data[at:at + 4] = struct.pack(">I", offset + len(added) + len(properties))
            at += 8
    return bytes(data)


def Box(kind, data):
    return struct.pack(">I4s", 8 + len(data), kind) + data


for suffix, codec in (("heic", HEVC), ("avif", AV1)):
    # A quarter turn counter-clockwise makes it upright, as orientation 8 does.
    VipsSave("scratch", np.asarray(Stored(UPRIGHT, 8)), "vips_heifsave", b"compression", codec, b"Q", 90, b"subsample_mode", 2)
    Write(f"irot.{suffix}", AddProperties((HERE / "scratch").read_bytes(), [Box(b"irot", bytes((1,)))]))
VipsSave("scratch", np.asarray(IN_P3), "vips_heifsave", b"compression", HEVC, b"lossless", 1)
Write("p3.heic", AddProperties((HERE / "scratch").read_bytes(), [Box(b"colr", b"prof" + P3)]))
(HERE / "scratch").unlink()

# What PIL's resize makes of a picture with every frequency in it: resize_test.cc wants the same.
SOURCE = Image.fromarray(np.random.default_rng(7).integers(0, 256, (30, 40, 3), np.uint8)).resize((60, 45), Image.Resampling.BICUBIC)
Save("resize_source.png", SOURCE)
for name, box, size in (("resize_smaller.png", None, (20, 14)), ("resize_larger.png", None, (70, 60)),
                        ("resize_part.png", (10, 5, 50, 40), (22, 22)), ("resize_row.png", None, (60, 1))):
    Save(name, SOURCE.resize(size, Image.Resampling.BICUBIC, box=box))

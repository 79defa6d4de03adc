# The native engine, build/Release/gradus.node. Built by tools/build-native.mjs.
#
# kernel/src is compiled once; kernel/simd once per instruction set, each time with another
# GRADUS_ISA (the name of its namespace) and other -m flags. The addon links those that the
# building machine can run and picks one at run time. Only kernel/simd may be compiled with -m flags: code elsewhere must run
# on any machine of the architecture.
{
  "variables": {
    "werror%": 1,  # tools/build-native.mjs sets 0 in an installed package: a new compiler's new warning must not cost a user the engine
    "avx2%": 1,  # tools/build-native.mjs sets 0 where the machine lacks the instructions
    "avx512%": 1,
    "simd_sources": ["<!@(node tools/build-native.mjs --sources kernel/simd)"],
    "common_flags": [
      "-std=c++17", "-O3", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra",
      "-ffp-contract=off",  # a fused multiply-add only where the source asks: results agree between engines
      "-fno-math-errno", "-pthread", "-fPIC", "-fvisibility=hidden",
    ],
    # The linker keeps the first of equal inline functions, so the most general code comes first.
    "conditions": [
      ["target_arch=='x64'", {
        "libraries_by_isa": ["gradus_core", "gradus_baseline"],
        "conditions": [
          ["avx2==1", {"libraries_by_isa": ["gradus_avx2"]}],
          ["avx512==1", {"libraries_by_isa": ["gradus_avx512"]}],
        ],
      }, "target_arch=='arm64'", {
        "libraries_by_isa": ["gradus_core", "gradus_portable", "gradus_neon"],
      }, {
        "libraries_by_isa": ["gradus_core", "gradus_baseline"],
      }],
    ],
  },
  "target_defaults": {
    "include_dirs": ["kernel", "kernel/src"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-omit-frame-pointer"],
    "cflags!": ["-fno-omit-frame-pointer"],
    "cflags_cc": ["<@(common_flags)"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CPLUSPLUSFLAGS": ["<@(common_flags)"],
    },
    "conditions": [
      ["werror==1", {
        "cflags_cc": ["-Werror"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-Werror"]},
      }],
    ],
  },
  "targets": [
    {
      "target_name": "gradus_core",
      "type": "static_library",
      "cflags_cc": ["-fexceptions"],  # an allocation that fails ends a call, not the process
      "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-fexceptions"]},
      "sources": ["<!@(node tools/build-native.mjs --sources kernel/src)"],
      "conditions": [
        ["target_arch=='x64' and avx2==1", {"defines": ["GRADUS_AVX2"]}],
        ["target_arch=='x64' and avx512==1", {"defines": ["GRADUS_AVX512"]}],
      ],
    },
    {
      "target_name": "gradus",
      "dependencies": ["<@(libraries_by_isa)"],
      "sources": ["kernel/bindings/node/addon.cc"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-fexceptions"],
      "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-fexceptions"]},
      "ldflags": ["-pthread"],
    },
  ],
  "conditions": [
    ["target_arch!='arm64'", {
      "targets": [{
        "target_name": "gradus_baseline",
        "type": "static_library",
        "sources": ["<@(simd_sources)"],
        "defines": ["GRADUS_ISA=baseline"],
      }],
    }, {
      "targets": [{
        "target_name": "gradus_neon",
        "type": "static_library",
        "sources": ["<@(simd_sources)"],
        "defines": ["GRADUS_ISA=neon"],
      }, {
        "target_name": "gradus_portable",  # as the baseline of other processors, which have no fused multiply-add
        "type": "static_library",
        "sources": ["<@(simd_sources)"],
        "defines": ["GRADUS_ISA=portable", "GRADUS_PORTABLE"],
      }],
    }],
    ["target_arch=='x64' and avx2==1", {
      "targets": [{
        "target_name": "gradus_avx2",
        "type": "static_library",
        "sources": ["<@(simd_sources)"],
        "defines": ["GRADUS_ISA=avx2"],
        "cflags_cc": ["-mavx2", "-mfma", "-mf16c"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma", "-mf16c"]},
      }],
    }],
    ["target_arch=='x64' and avx512==1", {
      "targets": [{
        "target_name": "gradus_avx512",
        "type": "static_library",
        "sources": ["<@(simd_sources)"],
        "defines": ["GRADUS_ISA=avx512"],
        "cflags_cc": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma",
          "-mamx-tile", "-mamx-bf16",  # run only where isa.cc has found them
        ],
        "xcode_settings": {
          "OTHER_CPLUSPLUSFLAGS": [
            "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma",
          ],
        },
      }],
    }],
  ],
}

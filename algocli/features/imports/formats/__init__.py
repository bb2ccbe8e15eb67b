"""Arrays that other programs wrote, one file a format; the module `matrices` above opens them by their suffix.

labels       what rows are called
matrix       what every format comes down to
npy          .npy and .npz
hdf5         HDF5
mat          MATLAB
text         tables in text
parquet      Parquet
zarrs        Zarr
tensors      PyTorch
safetensors  safetensors
"""

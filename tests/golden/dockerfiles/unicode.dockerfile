FROM a
LABEL größe=é 名="前"
RUN echo ünï
